import { ancestorsOf, type Process, type Running } from "./process.ts";

/**
 * Programs that start, or take in, programs that have nothing to do with each other: shells, sessions, containers, init systems.
 * To be started by the same one of these means nothing. A kernel's name of a process is cut after 15 bytes.
 */
const GATHERERS = new RegExp(
  `^-?(?:${[
    "(?:ba|da|z|fi|k|mk|a|tc|c)?sh|busybox|nu|pwsh",
    "tmux(?::.*)?|screen|sshd(?:[-:].*)?|login",
    "systemd|init|tini|docker-init|dumb-init|catatonit|s6-svscan|runsvdir|crond?|atd",
    "containerd-shim.*|conmon",
  ].join("|")})$`,
  "i",
);
/** Programs that are another one with every script: what they run tells the command line. */
const INTERPRETERS = /^(?:node|nodejs|bun|deno|python|pypy|ruby|perl|php|lua|luajit|java|dotnet|beam\.smp)[\d.]*$/;

/** A process, its parent, and so on. */
const lineOf = (process: Process): Kin[] => [
  { pid: process.pid, program: process.facts?.program ?? process.comm },
  ...ancestorsOf(process),
];

type Kin = Pick<Running, "pid" | "program">;

const gathers = ({ pid, program }: Kin) => pid === 1 || GATHERERS.test(program);

/** Whether enough is known of a process to say that another one has nothing to do with it. */
export function isKnown(process: Process): boolean {
  const [, ...ancestors] = lineOf(process);
  return process.facts?.program != null && (process.pid === 1 || ancestors.some(gathers));
}

/**
 * Whether two processes belong together, as far as is known: one descends from the other, or both from a third without a
 * shell, session or the like in between, or they run the same program.
 */
export function related(a: Process, b: Process): boolean {
  const [lineA, lineB] = [lineOf(a), lineOf(b)];
  const has = (line: readonly Kin[], pid: number) => line.some((ancestor) => ancestor.pid === pid);
  if (has(lineA, b.pid) || has(lineB, a.pid)) return true;
  const kin = kinOf(lineB);
  return kinOf(lineA).some(({ pid }) => has(kin, pid)) || sameProgram(a, b);
}

/** The line up to what gathers strangers. A server may have the name of one, so the process itself is always of its kin. */
function kinOf([self, ...ancestors]: readonly Kin[]): Kin[] {
  const end = ancestors.findIndex(gathers);
  return [...(self ? [self] : []), ...(end < 0 ? ancestors : ancestors.slice(0, end))];
}

function sameProgram({ facts: a }: Process, { facts: b }: Process): boolean {
  if (!a || !b || a.program === null || a.program !== b.program) return false;
  return !INTERPRETERS.test(a.program) || (a.execCommand ?? a.command) === (b.execCommand ?? b.command);
}
