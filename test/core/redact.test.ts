import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isCommon, isCommonFolder } from "../../src/core/common-words.ts";
import { type Content, contents } from "../../src/core/content.ts";
import { eventSchema, type Header, headerSchema, type TraceEvent } from "../../src/core/event.ts";
import type { OutputRecord } from "../../src/core/record.ts";
import { Redactor, replaces } from "../../src/core/redact.ts";
import { Story } from "../../src/core/story.ts";
import { decodeEvent, decodeHeader } from "../../src/trace/codec.ts";
import { bind, facts, header, holders, listen, MS, refused, told } from "../helpers/events.ts";
import { linesOf, SAMPLES } from "../helpers/samples.ts";

interface Trace {
  header: Header;
  events: TraceEvent[];
}

function sample(name: string): Trace {
  const [first = "", ...lines] = linesOf(name, "trace.jsonl");
  const decoded = decodeHeader(first);
  if (!decoded.ok) throw new Error(decoded.error);
  return { header: decoded.value, events: lines.flatMap((line) => eventIn(line)) };
}

function eventIn(line: string): TraceEvent[] {
  const decoded = decodeEvent(line);
  return decoded.kind === "event" ? [decoded.event] : [];
}

function redact({ header: original, events }: Trace): Trace {
  const redactor = new Redactor(original);
  return { header: redactor.header, events: events.map((event) => redactor.event(event)) };
}

function recordsOf(trace: Trace): OutputRecord[] {
  const story = new Story(trace.header, { reports: () => true });
  return [...story.begin(), ...trace.events.flatMap((event) => story.apply(event)), ...story.finish()];
}

/** Each text of one value and what stands in its place in the other; everything else has to be the same. */
function* pairs(before: unknown, after: unknown, path = ""): Generator<[path: string, before: unknown, after: unknown]> {
  if (typeof before === "object" && before !== null) {
    if (!Array.isArray(before)) expect({ path, keys: Object.keys(after as object) }).toEqual({ path, keys: Object.keys(before) });
    for (const [key, one] of Object.entries(before)) yield* pairs(one, (after as Record<string, unknown>)[key], `${path}.${key}`);
  } else if (before !== after || typeof before === "string") {
    yield [path, before, after];
  }
}

/** `n` is no field of an event: whoever writes the redacted trace counts anew. */
const withoutNumber = ({ n, ...event }: TraceEvent & { n?: unknown }) => event;

/** Fields in which foreign words stand. */
const FREE = /\.(?:comm|program|command|execCommand)$|\.(?:command|marks)\.\d+$/;
/** Of an address and a variable too: what they are is not foreign. A port follows an option that says so. */
const STANDS_FOR_ANOTHER =
  /^-{0,2}name-\d+(?:\.\w{2,4})?$|^folder-\d+$|^(?:127\.|0\.0\.0\.0|198\.18\.)[\d.]*$|^::1?$|^(?:[A-Z][A-Z0-9_]+|pm_id|npm_lifecycle_event|exec_mode|80|dist|dist\/cli\.mjs)$/;

/** A warning cuts command lines off, and a shorter one elsewhere. */
const shortened = (message: string) => message.replace(/ \((?!g\d+\))[^()]*\)/g, "");

function textPairs(original: Trace, clean: Trace): Map<string, string> {
  const found = new Map<string, string>();
  const all = [[original.header, clean.header], ...original.events.map((event, at) => [withoutNumber(event), clean.events[at]])];
  for (const [before, after] of all) {
    for (const [path, was, is] of pairs(before, after)) {
      if (typeof was === "string") found.set(was, is as string);
      else expect(path).toMatch(/[uU]id$|^\.redacted$/);
    }
  }
  return found;
}

describe.each(SAMPLES)("%s, redacted", (name) => {
  const original = sample(name);
  const clean = redact(original);
  const replaced = textPairs(original, clean);

  it("has the same report but for names, and the same verdicts", () => {
    const before = recordsOf({ ...original, header: { ...original.header, redacted: true } });
    const after = recordsOf(clean);
    // In messages, of command lines there are addresses alone.
    const words = [...replaced].flatMap(([was, is]) => {
      const inside = was.split(" ").map((word, at) => [word, is.split(" ")[at]]);
      return [[was, is], ...inside.filter(([word = ""]) => /^[\d.]+$/.test(word))];
    });
    const names = new Map(words.filter(([was, is]) => was !== is) as [string, string][]);
    const longestFirst = [...names].sort(([one], [other]) => other.length - one.length);
    const renamed = (message: string) =>
      longestFirst.reduce(
        (text, [was, is]) => text.replace(new RegExp(`(?<![\\w./-])${was.replace(/[^\w]/g, "\\$&")}(?![\\w-])`, "g"), is),
        message,
      );
    expect(after.length).toBe(before.length);
    for (const [path, was, is] of pairs(before, after)) {
      if (typeof was !== "string") expect(path).toMatch(/Uid$|\.uid$|\.redacted$/);
      else if (/\.message$/.test(path))
        expect({ path, is: shortened(is as string) }).toEqual({ path, is: renamed(shortened(was as string)) });
      else expect({ path, is }).toEqual({ path, is: replaced.get(was) ?? was });
    }
  });

  it("has no words but those of half the world, and those that stand for others", () => {
    const all = [clean.header, ...clean.events].flatMap((one) => [...pairs(one, one)]);
    const free = all.filter(([path]) => FREE.test(path)).flatMap(([, text]) => String(text).split(" "));
    const ports = new Set(JSON.stringify(original.header.filters.ports).match(/\d+/g));
    const isKnown = (word: string) => isCommon(word) || isCommon(word.replace(/^--?|\.\w+$/g, ""));
    const isFine = (word: string) =>
      word === "--" || isKnown(word) || isCommonFolder(word) || STANDS_FOR_ANOTHER.test(word) || ports.has(word);
    const pieces = free.flatMap((word) => {
      const [, folder, name] = /^(?:(.*)\/)?(.*)$/s.exec(word) ?? [];
      return isFine(word) ? [] : [folder ?? "", ...(name ?? "").split(/=|(?<=\d):(?=\d+$)/)];
    });
    expect(pieces.filter((piece) => !isFine(piece))).toEqual([]);
  });

  it("is redacted once and for all", () => {
    expect(redact(clean)).toEqual(clean);
  });
});

it("a reason in the words of bindtrace stays, with its commas", () => {
  const reason = "SIGINT came again, and what had not been read was given up";
  const end = (text: string): TraceEvent => ({ type: "end", t: 0, reason: text, lost: 0, foreign: 0, died: true });
  expect(new Redactor(header()).event(end(`${reason}: secret`))).toEqual(end(reason));
});

it("an event of a kind that is not known is not let through", () => {
  expect(() => new Redactor(header()).event({ type: "news", t: 0, secret: "s3cr3t" } as unknown as TraceEvent)).toThrow("not known");
});

describe("every text of a trace", () => {
  /** Paths of the texts in a schema, by what they hold. */
  function* texts(schema: z.core.$ZodType, path: string): Generator<[path: string, content: Content | undefined]> {
    const { def } = schema._zod as z.core.$ZodTypes["_zod"];
    const content = contents.get(schema)?.content;
    if (def.type === "string" || content) yield [path, content];
    else if (def.type === "object") for (const [name, one] of Object.entries(def.shape)) yield* texts(one, `${path}.${name}`);
    else if (def.type === "union") for (const one of def.options) yield* texts(one, path);
    else if (def.type === "array") yield* texts(def.element, path);
    else if (def.type === "record") yield* texts(def.valueType, path);
    else if ("innerType" in def) yield* texts(def.innerType, path);
  }
  const all = [...texts(headerSchema, "header"), ...texts(eventSchema, "event")];

  it("has a content, so that it is known what to take out", () => {
    expect(all.filter(([, content]) => content === undefined)).toEqual([]);
  });

  it("is replaced by what it holds", () => {
    const byContent = (wanted: Content) => [...new Set(all.filter(([, content]) => content === wanted).map(([path]) => path))].sort();
    expect(byContent("host")).toEqual(["header.host"]);
    expect(byContent("group")).toEqual(["event.cgroup"]);
    expect(byContent("mark")).toEqual(["event.marks"]);
    expect(byContent("command")).toEqual([
      "event.ancestors.command",
      "event.command",
      "event.execCommand",
      "event.listeners.holders.command",
      "event.sockets.holders.command",
      "header.command",
    ]);
    expect(byContent("name")).toEqual(
      [
        ...["ancestors.comm", "ancestors.program", "by.comm", "comm", "created.comm", "listeners.holders.comm", "program"],
        "sockets.holders.comm",
      ].map((path) => `event.${path}`),
    );
    expect(byContent("address").map((path) => path.replace(/^event\./, ""))).toEqual([
      "listeners.address",
      "requested.address",
      "socket.address",
      "socket.peer.address",
      "walk.owners.address",
      "walk.owners.peer.address",
    ]);
    expect(byContent("keyword").filter((path) => /comm|address|command|host/.test(path.split(".").at(-1) ?? ""))).toEqual([]);
  });

  it("that has none cannot be redacted", () => {
    expect(() => replaces(z.looseObject({ secret: z.string() }))).toThrow("a string whose content is not known");
  });
});

describe("a redacted trace", () => {
  const secret = "s3cr3t-t0ken";
  const owner = facts({ address: "203.0.113.7", uid: 284_731 });
  const at = { t: 100 * MS, pid: 20, comm: secret };
  const call = refused([owner], {
    ...at,
    uid: 284_731,
    socket: facts({ sk: 9, inode: 99, address: "203.0.113.7", state: "BOUND", uid: 284_731 }),
  });
  const group = `/kubepods.slice/kubepods-pod${"ab_".repeat(4)}.slice/docker-${"ab".repeat(32)}.scope/system.slice/${secret}.service`;
  const ancestors = [{ pid: 5, comm: secret, program: secret, command: `/opt/${secret}/bin/${secret} --${secret}=${secret}` }];
  const trace: Trace = {
    header: header({ host: secret, command: [secret, `--password=${secret}`], kernel: { ...header().kernel, release: `6.1.0-${secret}` } }),
    events: [
      bind({ socket: owner, comm: secret }),
      listen({ socket: owner, comm: secret, uid: 284_731 }),
      told(10, {
        comm: secret,
        command: `${secret} ${secret}\n${secret}`,
        program: secret,
        ancestors,
        cgroup: group,
        marks: [`npm_lifecycle_event=${secret}`],
      }),
      call,
      holders(101 * MS, call, {
        sockets: [{ inode: 99, holders: [{ pid: 10, fd: 3, comm: secret, command: `x=${secret}`, parent: 5, startedAt: null }] }],
      }),
      { type: "end", t: 200 * MS, reason: `bpftrace ended with code 1: ${secret}`, lost: 0, foreign: 0, died: true },
      // What a newer bindtrace may write.
      { type: "fork", t: 200 * MS, pid: 10, child: 11, remark: secret, n: 4 } as TraceEvent,
    ],
  };
  const clean = redact(trace);
  const text = JSON.stringify(clean);

  it("has no secret left, wherever it was", () => {
    expect(text).not.toContain("s3cr3t");
    expect(text).not.toContain("t0ken");
    expect(text).not.toContain("203.0.113.7");
    expect(text).not.toContain("284731");
    expect(text).not.toMatch(/(?:ab){8}|ab-ab|ab_ab/);
    expect(clean.header).toMatchObject({ redacted: true, host: "redacted", kernel: { release: "6.1.0-redacted" } });
  });

  it("calls the same thing by the same name", () => {
    const [bound, , process] = clean.events as [TraceEvent, TraceEvent, Record<string, unknown>];
    expect(bound).toMatchObject({ comm: "name-1", socket: { address: "198.18.0.1" } });
    expect(process).toMatchObject({
      comm: "name-1",
      program: "name-1",
      ancestors: [{ pid: 5, comm: "name-1", command: "folder-1/name-1 --name-1=name-1" }],
      marks: ["npm_lifecycle_event=name-1"],
    });
    expect(process.cgroup).toBe(
      `/kubepods.slice/kubepods-pod00000001_0000_0000_0000_000000000000.slice/docker-000000000002${"0".repeat(52)}.scope/system.slice/unit-3.service`,
    );
  });

  it("keeps no field that its reader does not know", () => {
    expect(clean.events.at(-1)).toEqual({ type: "fork", t: 200 * MS, pid: 10, child: 11 });
  });

  it("has no arbitrary word of a name or command line", () => {
    const word = fc.stringMatching(/^[a-z0-9_.:@-]{6,30}$/).filter((one) => !isCommon(one) && !/name|folder|redact/.test(one));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), fc.constantFrom(" ", "/", "="), (words, between) => {
        const redactor = new Redactor(header());
        const command = words.join(between);
        const event = redactor.event(told(10, { comm: words[0] ?? "", command }));
        const left = JSON.stringify(event);
        // An address among them, such as ::1, says nothing.
        expect(words.filter((one) => left.includes(one) && !/^[\d.:]+$/.test(one))).toEqual([]);
      }),
    );
  });
});
