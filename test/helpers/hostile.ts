import type { Header, TraceEvent } from "../../src/core/event.ts";
import { bind, exit, facts, header, holders, listen, MS, refused, told } from "./events.ts";

/** What processes may call themselves, and put into their command lines, paths and control groups: one of each kind of harm. */
export const HOSTILE: readonly string[] = [
  // Markup.
  "</script><script>alert(1)</script>",
  "<!--<script>alert(2)",
  "]]></noscript><img src=x onerror=alert(3)>",
  "\"'><svg/onload=alert(4)>",
  "javascript:alert(5)//",
  // A terminal's control sequences (CSI in 7 and 8 bits), and lines.
  "\u0000\u001b[2J\u009b31m\r\n",
  // Text that runs backwards, and marks that nobody sees.
  "\u202egnp.exe\u2066\u200f",
  "\u2028\u2029\ufeff\ud800",
  "&lt;b&gt;&#60;",
  "{{7*7}}`;alert(6)//",
  // OSC and DCS: a title, a link, the clipboard, a report that is typed in (DECRQSS).
  "\u001b]0;owned\u0007\u001b]8;;https://192.0.2.1/\u001b\\\u001b]52;c;b3duZWQ=\u0007\u001bP$q\u001b\\",
  "\u009d0;owned\u009c\u0090+q\u009c",
  // A line of a report, of --json and of bpftrace's stream.
  "a\n✗ 00:00:00.000  init[1] could not bind 0.0.0.0:1  (EADDRINUSE)",
  'x","type":"failure","y":"\n{"type":"summary","failures":99}',
  "\nbt:failure 1 2 3\r\nB 1 2 3\n",
  // Zero width, tags, variation selectors, a combining tower, a byte order mark.
  "a\u200b\u200c\u200d\u2060b\u00adc\u{e0041}\u{e007f}\ufe0f",
  `z${"\u0336\u0353".repeat(40)}`,
  "\ud83d\ude00\udc00\ufffd\ufffe",
  // A shell's, a format's, a path's, JavaScript's.
  "$(touch owned)`touch owned`;touch owned&&|>owned #'\"\\",
  "%s%n%x %1$s $(7*7) \\u001b \\x1b[2J \\n",
  "../../../../etc/passwd",
  "__proto__",
  "constructor",
  "-rf",
  "--output=owned",
  "\b\b\b\b\u007f\u007f\t\v\f",
  " ",
  "",
  `long ${"x".repeat(3000)}`,
];

/** Characters that must reach no terminal as they are, but for the line feed. */
export const HARMFUL = /[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Ports that the names are seen on, in their order. */
export const HOSTILE_PORT = 8000;

/** Every name as the holder, the refused process, its command line and parent, its control group and marks. */
export function* hostileTrace(): Generator<TraceEvent> {
  for (const [index, comm] of HOSTILE.entries()) {
    const [pid, port, t] = [100 + 2 * index, HOSTILE_PORT + index, (100 + 10 * index) * MS];
    const [sk, inode] = [10 + 2 * index, 1000 + 2 * index];
    const owner = facts({ sk, inode, port });
    const socket = facts({ sk: sk + 1, inode: inode + 1, port, state: "BOUND" });
    const ancestors = [{ pid: 5, comm, program: comm, command: comm }];
    const marks = [`npm_lifecycle_event=${comm}`];
    yield bind({ t, pid, comm, socket: { ...owner, state: "BOUND" } });
    yield listen({ t: t + 1, pid, comm, socket: owner });
    yield told(pid, { t: t + 2, comm, command: comm, program: comm, ancestors, cgroup: `/system.slice/${comm}.service`, marks });
    yield told(pid + 1, { t: t + 3, comm, command: comm, program: comm, ancestors, cgroup: `/lxc.payload.${comm}/${comm}` });
    const refusal = refused([owner], { t: t + 4, pid: pid + 1, comm, socket });
    if (refusal.walk) refusal.walk.port = port;
    yield refusal;
    yield holders(t + 5, refusal, { sockets: [{ inode, holders: [{ pid, fd: 3, comm, command: comm, parent: 5, startedAt: null }] }] });
    yield exit(t + 6, { pid, comm });
  }
  yield { type: "end", t: 10_000 * MS, reason: HOSTILE.join(""), lost: 0, foreign: 0, died: false };
}

/** The machine and the command, too. */
export const hostileHeader = (): Header => {
  const name = HOSTILE.join("");
  return header({
    host: name,
    command: [...HOSTILE],
    missingProbes: [name],
    filters: { ports: [] },
    bpftrace: `0.17.0${name.slice(0, 200)}`,
  });
};
