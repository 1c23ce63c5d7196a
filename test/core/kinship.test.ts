import { describe, expect, it } from "vitest";
import type { ProcessEvent } from "../../src/core/event.ts";
import { isKnown, related } from "../../src/core/kinship.ts";
import { type Process, Processes } from "../../src/core/process.ts";

/** `1 systemd`, `9 bash`: pid and program of an ancestor. */
const ancestor = (text: string) => {
  const [pid, program = ""] = text.split(" ");
  return { pid: Number(pid), comm: program, program };
};
const facts = (pid: number, command: string, program: string | null, ancestors: string[]): ProcessEvent => ({
  ...{ type: "process", t: 0, pid, comm: "main", command, program, startedAt: 0 },
  ...{ ancestors: ancestors.map(ancestor), cgroup: null, nsPids: [pid], marks: [], state: "S" },
});

/** The process that /proc told of. */
function told(processes: Processes, event: ProcessEvent): Process {
  const process = processes.told(event);
  if (!process) throw new Error("of one that was there before");
  return process;
}

/** Two processes with these ancestors, parent first. */
function two(lineA: string[], lineB: string[], programs: [string, string] = ["node", "python3"], commands = programs) {
  const processes = new Processes();
  const a = told(processes, facts(10, commands[0], programs[0], lineA));
  const b = told(processes, facts(20, commands[1], programs[1], lineB));
  return { a, b, both: [related(a, b), related(b, a)] };
}

describe("two processes are related", () => {
  it.each<[string, string[], string[]]>([
    ["when one descends from the other", ["1 systemd"], ["10 node", "1 systemd"]],
    ["when one descends from the other through a shell", ["1 systemd"], ["15 sh", "10 node", "1 systemd"]],
    ["when they have the same parent", ["5 master", "1 systemd"], ["5 master", "1 systemd"]],
    ["when one's parent is the other's grandparent", ["5 master", "1 systemd"], ["7 worker", "5 master", "1 systemd"]],
    ["when their parent was started by a shell", ["5 npm", "4 bash", "1 systemd"], ["5 npm", "4 bash", "1 systemd"]],
  ])("%s", (_, lineA, lineB) => {
    expect(two(lineA, lineB).both).toEqual([true, true]);
  });

  it("not because the program of neither could be read", () => {
    const processes = new Processes();
    const [a, b] = [10, 20].map((pid) => told(processes, facts(pid, "x", null, ["1 systemd"])));
    expect(a && b && related(a, b)).toBe(false);
  });

  it("when a fork that was seen says so, whatever /proc says after its parent has gone", () => {
    expect(two(["1 systemd"], ["1 systemd"]).both).toEqual([false, false]);
    const processes = new Processes();
    processes.fork({ type: "fork", t: 1, pid: 5, child: 10 });
    processes.fork({ type: "fork", t: 2, pid: 5, child: 20 });
    const a = told(processes, facts(10, "node", "node", ["1 systemd"]));
    const b = told(processes, facts(20, "python3", "python3", ["1 systemd"]));
    expect([related(a, b), related(b, a)]).toEqual([true, true]);
  });

  it.each<[string, [string, string], [string, string], boolean]>([
    ["the same script", ["node", "node"], ["node a.js", "node a.js"], true],
    ["another script", ["node", "node"], ["node a.js", "node b.js"], false],
    ["another script of a version of its interpreter", ["python3.11", "python3.11"], ["python3 a.py", "python3 b.py"], false],
    ["a program that is no interpreter", ["haproxy", "haproxy"], ["haproxy -f a", "haproxy -f a -sf 10"], true],
    ["another program by the same command line", ["nginx", "caddy"], ["server", "server"], false],
  ])("or not, when both run %s", (_, programs, commands, answer) => {
    expect(two(["1 systemd"], ["1 systemd"], programs, commands).both).toEqual([answer, answer]);
  });
});

describe("two processes are not related", () => {
  it.each<[string, string[], string[]]>([
    ["by the first process of all", ["1 systemd"], ["1 systemd"]],
    ["by a user's systemd", ["5 systemd", "1 systemd"], ["5 systemd", "1 systemd"]],
    ["by a shell", ["5 bash", "1 systemd"], ["5 bash", "1 systemd"]],
    ["by a login shell", ["5 -zsh", "1 systemd"], ["5 -zsh", "1 systemd"]],
    ["by a terminal multiplexer above their shells", ["6 bash", "5 tmux: server", "1 systemd"], ["7 bash", "5 tmux: server", "1 systemd"]],
    ["by an editor above their shells", ["6 bash", "5 code", "1 systemd"], ["7 bash", "5 code", "1 systemd"]],
    ["by a container's shim", ["5 containerd-shim-runc-v2", "1 systemd"], ["5 containerd-shim-runc-v2", "1 systemd"]],
  ])("%s", (_, lineA, lineB) => {
    expect(two(lineA, lineB).both).toEqual([false, false]);
  });

  it.each(["shaker", "systemd-run", "node-sh", "initd"])("but by %s, whose name only looks like one of these", (name) => {
    expect(two([`5 ${name}`, "1 systemd"], [`5 ${name}`, "1 systemd"]).both).toEqual([true, true]);
  });
});

describe("a process is known", () => {
  it.each<[string, string | null, string[], boolean]>([
    ["up to the first process", "node", ["5 npm", "1 systemd"], true],
    ["up to a shell", "node", ["5 npm", "4 bash"], true],
    ["not when its parent is not", "node", [], false],
    ["not when an ancestor could not be seen", "node", ["5 npm"], false],
    ["not when its program could not be read", null, ["1 systemd"], false],
  ])("%s", (_, program, line, known) => {
    expect(isKnown(told(new Processes(), facts(10, "node", program, line)))).toBe(known);
  });

  it("not when nothing but its name is", () => {
    expect(isKnown(new Processes().seen(10, "bash"))).toBe(false);
  });

  it("not by its own name, which may be that of a shell", () => {
    expect(isKnown(told(new Processes(), facts(10, "bash a.sh", "bash", [])))).toBe(false);
    expect(isKnown(told(new Processes(), facts(1, "bash a.sh", "bash", [])))).toBe(true);
  });
});
