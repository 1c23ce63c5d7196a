import { MARK_NAMES, MARK_WORDS } from "../core/runtime-marks.ts";

const PLAIN = /^[\w.:/@+-]{1,64}$/;
const INSPECT = /(?:^|[\s"])--inspect(?:[-_](?:brk|wait))?(?=[\s"=]|$)/;

/**
 * The marks in an environment as /proc/PID/environ gives it: `NAME` or `NAME=value`. It is the environment that the program was
 * started with, children inherit most of it, and a program can write over it. `pid` is that in the innermost PID namespace:
 * `LISTEN_PID` is told only of the process that it names, and `NODE_OPTIONS=--inspect` for any flag that opens the inspector.
 */
export function marksOf(environ: Buffer, pid: number): string[] {
  const values = new Map<string, string>();
  // What follows the last NUL was cut.
  for (const entry of environ.toString("latin1").split("\0").slice(0, -1)) {
    const end = entry.indexOf("=");
    // getenv(3) takes the first one.
    if (end > 0 && !values.has(entry.slice(0, end))) values.set(entry.slice(0, end), entry.slice(end + 1));
  }
  return [
    ...MARK_NAMES.filter((name) => values.has(name)),
    ...(values.get("LISTEN_PID") === String(pid) ? ["LISTEN_PID"] : []),
    ...MARK_WORDS.filter((name) => values.has(name)).map((name) => markOf(name, values.get(name) ?? "")),
    ...(INSPECT.test(values.get("NODE_OPTIONS") ?? "") ? ["NODE_OPTIONS=--inspect"] : []),
  ];
}

/** The value is copied: a part of a string keeps the whole alive, and this one is somebody else's environment. */
const markOf = (name: string, value: string) => (PLAIN.test(value) ? `${name}=${Buffer.from(value).toString()}` : name);
