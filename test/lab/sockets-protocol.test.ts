import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LAB, type Lab, openLab, parseAnswer } from "../helpers/lab.ts";
import { labProblem, transcribe } from "../helpers/lab-session.ts";

describe("an answer of the lab", () => {
  it.each([
    ["ok", { ok: true, errno: null, problem: null, fields: {} }],
    ["ok port=80 text=a=b", { ok: true, errno: null, problem: null, fields: { port: "80", text: "a=b" } }],
    ["EADDRINUSE", { ok: false, errno: "EADDRINUSE", problem: null, fields: {} }],
    ["error: p1 is dead", { ok: false, errno: null, problem: "p1 is dead", fields: {} }],
  ])("%s", (line, answer) => expect(parseAnswer(line)).toEqual(answer));
});

describe.skipIf(labProblem !== null)("the protocol of the lab", () => {
  describe("a bad line", () => {
    it("gets one sentence, and in the end the exit code 2", async () => {
      const one = openLab();
      await transcribe(
        one,
        `
        bogus              -> error: there is no command bogus, help lists them
        socket a           -> error: it is socket NAME tcp|udp|mptcp 4|6
        socket A tcp 4     -> error: a name has 1 to 31 of a-z, 0-9 and _, unlike A
        socket a sctp 4    -> error: a protocol is tcp, udp or mptcp, not sctp
        socket a tcp 5     -> error: a family is 4 or 6, not 5
        socket a tcp 4
        socket a tcp 4     -> error: main already has a socket a
        bind b ::1 1       -> error: main has no socket b
        bind a localhost 1 -> error: localhost is not a numeric IPv4 or IPv6 address
        bind a ::1 70000   -> error: a port is not 70000 but a number from 0 to 65535
        bind a 0.0.0.0 1 lo -> error: only an IPv6 address has a scope
        set a color 1      -> error: there is no option color, help set lists them
        set a reuseaddr 2  -> error: reuseaddr is not 2 but a number from 0 to 1
        await ::1 1 ::1 1 OPEN -> error: there is no state OPEN
        shutdown a up      -> error: rd, wr or rdwr can be shut down, not up
        p9: close a        -> error: there is no process p9
        fork main          -> error: there is already a process main
        kill main          -> error: main cannot be killed, exit ends it
        main: reset        -> error: reset is for the whole lab and takes no process before it
        main:              -> error: there is no command after the name of the process
        sysctl kernel.x 1  -> error: a name of a sysctl begins with net., unlike kernel.x
        ip link;           -> error: ip takes words of letters, digits and _./:@-, unlike link;
        close a            -> ok
        help close         -> ok close NAME: close()
        `,
      );
      expect(await one.run(["x".repeat(100_000), "socket \u0007 tcp 4"])).toEqual([
        "error: a line has 1023 characters at most",
        "error: a name has 1 to 31 of a-z, 0-9 and _, unlike ?",
      ]);
      expect(await one.close()).toEqual({ exitCode: 2, stderr: "" });
    });
    it("on the command line as well", () => {
      expect(() => execFileSync(LAB, ["--nets"], { stdio: "pipe" })).toThrow("unknown argument --nets, --help lists what there is");
      expect(execFileSync(LAB, ["--help"], { encoding: "utf8" })).toMatch(/usage:[\s\S]*\n {2}bind NAME ADDRESS PORT \[DEVICE\]\n/);
    });
  });

  describe("the client", () => {
    let one: Lab;
    beforeEach(() => {
      one = openLab();
    });
    afterEach(() => one.close());

    it("gives each run its answers, and none to comments and empty lines", async () => {
      const runs = [["# a", "", " \t", "socket a tcp 4"], ["# b"], ["name a", "close a"], ["close a"]].map((commands) => one.run(commands));
      const [first, second, third, last] = await Promise.all(runs);
      expect([first, second, last]).toEqual([["ok"], [], ["error: main has no socket a"]]);
      expect(third).toEqual([expect.stringMatching(/^ok inode=\d+ uid=0 address=0.0.0.0 port=0 state=CLOSE$/), "ok"]);
    });
    it("takes no command of two lines", () => expect(one.run(["a\nb"])).rejects.toThrow('a command is one line, unlike "a\\nb"'));
    it("says how the lab ended to those who wait", async () => {
      const waiting = expect(one.run(["exit", "exit"])).rejects.toThrow("the lab ended with exit code 0");
      await waiting;
      await expect(one.run(["help"])).rejects.toThrow("the lab ended with exit code 0");
    });
    it("has stderr in that", async () => {
      const other = openLab({ args: ["--nets"] });
      await expect(other.run(["help"])).rejects.toThrow(
        "the lab ended with exit code 2: sockets: unknown argument --nets, --help lists what there is",
      );
      expect((await other.close()).exitCode).toBe(2);
    });
  });
});
