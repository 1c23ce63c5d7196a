import { fstatSync, readFileSync } from "node:fs";
import type { TraceEvent } from "../core/event.ts";
import type { OutputRecord } from "../core/record.ts";
import { statusText, type Watching } from "../report/status.ts";
import type { Output } from "./output.ts";

/** How often the line is drawn anew, at most (ms). */
const EVERY = 250;
/** Columns of a terminal that does not say how many it has, as a serial line does not. */
const COLUMNS = 80;
/** Columns that stay free, so that the ^C which a terminal echoes does not make a second line. */
const ROOM = 3;
/** To the start of the line, and all of it erased (ECMA-48 EL). */
const ERASE = "\r\u001b[K";

/** A line below the report that says that the trace waits, and what it has seen. */
export interface Status {
  event(event: TraceEvent): void;
  record(record: OutputRecord): void;
  /** Writes a sentence to stderr. */
  say(sentence: string): void;
  /** The same output, before whose lines this one vanishes until it is drawn again. */
  below(output: Output): Output;
  /** Vanishes for good. */
  stop(): void;
}

const say = (sentence: string) => void process.stderr.write(`bindtrace: ${sentence}\n`);
const NOTHING: Status = { event: () => {}, record: () => {}, say, below: (output) => output, stop: () => {} };

/**
 * The status of a trace that is armed now. There is none where it would disturb: `quiet`, where stderr is no terminal that can erase
 * a line, and where standard output is a pipe, whose reader may be using that terminal (less, jq, tee).
 */
export function openStatus({ ports, ascii, quiet }: Pick<Watching, "ports"> & { ascii: boolean; quiet: boolean }): Status {
  const terminal = process.stderr;
  if (quiet || terminal.isTTY !== true || process.env.TERM === "dumb" || isPipe(1)) return NOTHING;
  const seen = { events: 0, refused: 0, lost: 0 };
  const since = performance.now();
  const line = new StatusLine(terminal, () =>
    statusText({ ...seen, ports, seconds: (performance.now() - since) / 1000 }, { ascii, width: (terminal.columns || COLUMNS) - ROOM }),
  );
  return {
    event: (event) => {
      seen.events++;
      if (event.type === "lost") seen.lost += event.count;
    },
    record: ({ type }) => {
      if (type === "failure") seen.refused++;
    },
    say: (sentence) => {
      line.hide();
      say(sentence);
    },
    below: (output) => (output.terminal?.isTTY ? { ...output, write: (text) => line.giveWay(text, output) } : output),
    stop: () => line.stop(),
  };
}

/** One line at the end of a terminal that is drawn over itself. */
class StatusLine {
  readonly #terminal: NodeJS.WriteStream;
  readonly #text: () => string;
  readonly #timer: NodeJS.Timeout;
  #shown = "";

  constructor(terminal: NodeJS.WriteStream, text: () => string) {
    this.#terminal = terminal;
    this.#text = text;
    this.#timer = setInterval(() => this.#draw(), EVERY);
    this.#timer.unref();
    // The terminal has gone: its hangup ends the trace.
    terminal.on("error", () => clearInterval(this.#timer));
  }

  giveWay(text: string, output: Output): void {
    if (text !== "") this.hide();
    output.write(text);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.hide();
  }

  hide(): void {
    if (this.#shown !== "") this.#terminal.write(ERASE);
    this.#shown = "";
  }

  #draw(): void {
    const text = this.#text();
    if (text === this.#shown || !isForeground()) return;
    this.#terminal.write(`${ERASE}${text}`);
    this.#shown = text;
  }
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return true;
  }
}

/** In the background (`&`, `bg`) the terminal is the shell's: its foreground process group (tpgid, proc(5)) is another. */
function isForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch {
    return false;
  }
}
