import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { type Lab, openLab, parseAnswer } from "../helpers/lab.ts";
import { labProblem, useLab } from "../helpers/lab-session.ts";

const ALL_GONE_MS = 5000;

/** Nor is who has ended and waits for a lazy init to reap it. */
function isAlive(pid: string): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe.skipIf(labProblem !== null)("processes in the lab", () => {
  const { lab, says } = useLab();
  const field = async (command: string, name: string) => (await says(command))[name];
  const children = () => readFileSync(`/proc/${lab().pid}/task/${lab().pid}/children`, "utf8").trim().split(" ").filter(Boolean);

  it("hold a port after the close of the parent, until they exit", () =>
    says(`
      socket a tcp 4
      bind a 127.0.0.1 8080
      fork p1
      p1: fork p2
      close a
      socket b tcp 4
      p1: exit
      bind b 127.0.0.1 8080 -> EADDRINUSE
      p2: exit
      bind b 127.0.0.1 8080 -> ok port=8080
      p2: close a           -> error: there is no process p2
    `));
  it("lose their ports when they are killed", () =>
    says(`
      fork p1
      p1: socket a tcp 4
      p1: bind a 127.0.0.1 8080
      socket b tcp 4
      bind b 127.0.0.1 8080 -> EADDRINUSE
      kill p1               -> ok
      bind b 127.0.0.1 8080 -> ok port=8080
    `));
  it("are said to be dead when somebody else killed them", async () => {
    process.kill(Number(await field("fork p1", "pid")), "SIGKILL");
    await says(`
      p1: socket a tcp 4 -> error: p1 is dead
      p1: socket a tcp 4 -> error: there is no process p1
      fork p1
    `);
  });
  it("pass a socket", () =>
    says(`
      fork p1
      fork p2
      p1: socket a tcp 4
      p1: bind a 127.0.0.1 8080
      p1: pass a p2 b
      p1: pass a main c
      p1: exit
      p2: socket d tcp 4
      p2: bind d 127.0.0.1 8080 -> EADDRINUSE
      p2: close b
      p2: bind d 127.0.0.1 8080 -> EADDRINUSE
      close c
      p2: bind d 127.0.0.1 8080 -> ok port=8080
    `));
  it("are of different users, and their sockets too", async () => {
    await says(`
      fork p1
      p1: user 65534
      p1: socket a tcp 4
      p1: bind a 127.0.0.1 80   -> EACCES
      p1: bind a 127.0.0.1 8080 -> ok port=8080
      p1: listen a
      socket b tcp 4
      bind b 127.0.0.1 80       -> ok port=80
    `);
    expect(await field("p1: name a", "uid")).toBe("65534");
    expect(await field("name b", "uid")).toBe("0");
    const table = readFileSync(`/proc/${lab().pid}/net/tcp`, "utf8");
    expect(table.split("\n").find((line) => line.includes("0100007F:1F90"))).toMatch(/ 0A .* 65534 /);
    await says(`
      p1: user 0
      p1: socket c tcp 4
      p1: bind c 127.0.0.1 81   -> ok port=81
    `);
  });
  it("have the ports of each network namespace to themselves", () =>
    says(`
      socket a tcp 4
      bind a 127.0.0.1 8080
      fork p1
      fork p2
      p1: user 65534
      p1: netns red
      p2: netns red
      p1: socket b tcp 4
      p1: bind b 127.0.0.1 8080 -> ok port=8080
      p1: listen b
      p2: socket b tcp 4
      p2: bind b 127.0.0.1 8080 -> EADDRINUSE
      p2: netns blue
      p2: socket c tcp 4
      p2: bind c 127.0.0.1 8080 -> ok port=8080
      netns red
      socket d tcp 4
      connect d 127.0.0.1 8080
    `));
  it("are gone after a reset, with their ports, users and namespaces", async () => {
    await says(`
      user 65534
      socket a tcp 4
      bind a 127.0.0.1 8080
      netns red
      fork p1
      p1: fork p2
      p2: deadline 1
    `);
    expect(children()).toHaveLength(2);
    await says(`
      reset
      socket a tcp 4
      bind a 127.0.0.1 8080 -> ok port=8080
    `);
    expect(children()).toEqual([]);
    expect(await field("name a", "uid")).toBe("0");
    expect(readFileSync(`/proc/${lab().pid}/net/tcp`, "utf8").split("\n")).toHaveLength(2);
  });
  it("all end with the lab, whether it is told or killed", async () => {
    const finish = async (end: (one: Lab) => void) => {
      const one = openLab({ netns: true });
      const answers = await one.run(["fork p1", "p1: fork p2", "p2: user 65534"]);
      end(one);
      await one.close();
      const pids = answers.map((answer) => parseAnswer(answer).fields.pid).filter((pid) => pid !== undefined);
      expect(pids).toHaveLength(2);
      await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), ALL_GONE_MS);
    };
    await finish(() => {});
    await finish((one) => process.kill(one.pid, "SIGKILL"));
  });
});
