import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProcessEvent } from "../../src/core/event.ts";
import { ProcessTeller } from "../../src/probe/process-teller.ts";
import { Programs } from "./programs.ts";

const programs = new Programs();
afterEach(() => programs.end());

describe("what is told of processes", () => {
  let told: ProcessEvent[];
  let now: number;
  /** Moves every start time: as if the pid belonged to another process. */
  let shift: number;
  const options = {
    instant: () => now,
    instantOfStart: (ticks: number) => ticks + shift,
    emit: (event: ProcessEvent) => told.push(event),
    hasPidsOfKernel: true,
  };
  const pids = () => told.map(({ pid }) => pid);

  beforeEach(() => {
    told = [];
    now = 1000;
    shift = 0;
  });

  it("is nothing where the same pid is another process in /proc", () => {
    const teller = new ProcessTeller({ ...options, hasPidsOfKernel: false });
    teller.prefetch(process.pid);
    teller.tell(process.pid, now);
    expect(told).toEqual([]);
  });

  it("is told once", () => {
    const teller = new ProcessTeller(options);
    const cat = programs.start("/bin/cat");
    teller.tell(cat.pid, now);
    teller.tell(cat.pid, now);
    expect(told).toMatchObject([{ type: "process", t: 1000, pid: cat.pid, command: "/bin/cat" }]);
  });

  it("is told again when it has become another program", async () => {
    const teller = new ProcessTeller(options);
    const shell = programs.start("/bin/sh", ["-c", "echo ready; read line; exec /bin/cat"]);
    await shell.line();
    teller.tell(shell.pid, now);
    shell.write("go on\nback\n");
    await shell.line();
    teller.tell(shell.pid, now);
    expect(told).toMatchObject([{ t: 1000, comm: "sh" }]);
    now = 2000;
    teller.retell(shell.pid, now);
    teller.tell(shell.pid, now);
    expect(told).toMatchObject([{ comm: "sh" }, { t: 2000, pid: shell.pid, comm: "cat", command: "/bin/cat" }]);
  });

  it("is not told of an exec by one that nobody asked for", () => {
    const teller = new ProcessTeller(options);
    teller.retell(programs.start("/bin/cat").pid, now);
    expect(told).toEqual([]);
  });

  it("is told again when the pid belongs to another process", () => {
    const teller = new ProcessTeller(options);
    const cat = programs.start("/bin/cat");
    teller.tell(cat.pid, now);
    shift = 5;
    teller.tell(cat.pid, now);
    teller.tell(cat.pid, now);
    expect(told.map(({ startedAt }) => startedAt)).toEqual([told[0]?.startedAt, (told[0]?.startedAt ?? 0) + 5]);
  });

  it("is told again after its end was told, where it did not end", () => {
    const teller = new ProcessTeller(options);
    const cat = programs.start("/bin/cat");
    teller.tell(cat.pid, now);
    teller.forget(cat.pid, now);
    teller.retell(cat.pid, now);
    expect(told).toHaveLength(1);
    teller.tell(cat.pid, now);
    expect(told).toHaveLength(2);
  });

  it("has the command line of its exec beside the one that it has given itself", async () => {
    const teller = new ProcessTeller(options);
    const node = programs.start(process.execPath, [
      "-e",
      "process.stdin.once('data', () => { process.title = 'a server'; console.log() })",
    ]);
    teller.prefetch(node.pid);
    node.write("go on\n");
    await node.line();
    teller.tell(node.pid, now);
    const [{ command = "", execCommand = "" } = {}] = told;
    expect(command).toBe("a server");
    expect(execCommand).toMatch(/^\S*node -e process/);
  });

  it("is what was read before of one that has ended, for what it did up to its end alone", async () => {
    const teller = new ProcessTeller(options);
    const cat = programs.start("/bin/cat");
    teller.prefetch(cat.pid);
    await cat.kill();
    teller.forget(cat.pid, 900);
    // The next one that has its pid, and has gone already.
    teller.tell(cat.pid, 901);
    expect(told).toEqual([]);
    teller.tell(cat.pid, 900);
    expect(told).toMatchObject([{ t: 1000, pid: cat.pid, command: "/bin/cat" }]);
  });

  it("has the marks with which it was started, where its environment says nothing any more", async () => {
    const teller = new ProcessTeller(options);
    const shell = programs.start("/bin/sh", ["-c", "read line; echo gone; exec env -i /bin/cat"], { env: { pm_id: "3" } });
    teller.prefetch(shell.pid);
    shell.write("go on\nback\n");
    await shell.line();
    await shell.line();
    teller.tell(shell.pid, now);
    expect(told).toMatchObject([{ pid: shell.pid, command: "/bin/cat", marks: ["pm_id"] }]);
  });

  it("is nothing of one that has gone", async () => {
    const teller = new ProcessTeller(options);
    const cat = programs.start("/bin/cat");
    teller.tell(cat.pid, now);
    await cat.kill();
    teller.tell(cat.pid, now);
    teller.retell(cat.pid, now);
    expect(pids()).toEqual([cat.pid]);
  });

  it("is forgotten, the oldest first, when there is too much of it", () => {
    const teller = new ProcessTeller(options, 2);
    const [a = 0, b = 0, c = 0] = [1, 2, 3].map(() => programs.start("/bin/cat").pid);
    for (const pid of [a, b, c, c, b, a, c]) teller.tell(pid, now);
    expect(pids()).toEqual([a, b, c, a]);
  });
});
