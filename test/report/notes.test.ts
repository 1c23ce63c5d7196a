import fc from "fast-check";
import { expect, it } from "vitest";
import type { NoteRecord } from "../../src/core/record.ts";
import { failureBlock } from "../../src/report/failure.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { refusedWith } from "../core/noted.ts";
import { MS, signal, told } from "../helpers/events.ts";
import { hostile } from "./hostile.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };
const NODEMON = [{ pid: 6, comm: "node", program: "node", command: "node /app/node_modules/.bin/nodemon server.js" }];
const child = (pid: number, startedAt: number) => told(pid, { startedAt, ancestors: NODEMON });

it("notes stand below the rule, one field each", () => {
  const failure = refusedWith([child(10, 0), child(20, 9_900 * MS), signal(9_788 * MS)]);
  expect(failureBlock(failure, PLAIN).split("\n").slice(3, 10)).toEqual([
    "  story       15:03:09.788  node[10] got SIGTERM from bash[5]",
    "  rule        a socket that listens has the port, and the two have not both",
    "              opted into sharing it (SO_REUSEPORT)",
    "  note        nodemon (pid 6) started node[20] while its node[10], 9.90 s older,",
    "              still had the port; that one got SIGTERM 212 ms before this",
    '  note        libuv keeps this error until listen: Node says "listen EADDRINUSE"',
    '              ("bind EADDRINUSE" in a worker for which a cluster primary binds)',
  ]);
});

const withNotes = (...messages: string[]) => ({
  ...refusedWith([]),
  notes: messages.map((message): NoteRecord => ({ code: "any", message })),
});

it("the first three are shown", () => {
  const text = failureBlock(withNotes("one", "two", "three", "four"), PLAIN);
  expect(text.match(/note {8}\w+/g)).toEqual(["note        one", "note        two", "note        three"]);
  expect(text).not.toContain("four");
  expect(failureBlock(withNotes(), PLAIN)).not.toContain("note");
});

it("names in them do not control the terminal", () => {
  const marks = ["npm_lifecycle_event=\u001b[2J\nnote"];
  const parent = { pid: 1, comm: "a\u001b[31m\u202e\nb", program: "systemd" };
  const failure = refusedWith([told(10, { marks, ancestors: [parent] })]);
  expect(failure.notes[0]?.message).toBe(
    "node[10] was started by npm (npm run \u001b[2J\nnote), which is gone: its parent is a\u001b[31m\u202e\nb[1] now",
  );
  const block = failureBlock(failure, { ...PLAIN, width: 200 });
  expect(block).toContain(
    "  note        node[10] was started by npm (npm run \\x1b[2J\\x0anote), which is gone: its parent is a\\x1b[31m\\u{202e}\\x0ab[1] now\n",
  );
  fc.assert(
    fc.property(hostile, fc.boolean(), (name, ascii) => {
      for (const line of failureBlock(withNotes(`${name}[10] is`, name), { ...PLAIN, ascii })
        .trimEnd()
        .split("\n")
        .slice(1)) {
        expect(line).toMatch(ascii ? /^ {2}[\x20-\x7e]*$/ : /^ {2}[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u);
      }
    }),
  );
});
