import { describe, expect, it } from "vitest";
import type { EventOf, TraceEvent } from "../../src/core/event.ts";
import { bind, close, connection, destroy, exec, exit, facts, fork, MS, seed, signal, timeWait, told } from "../helpers/events.ts";
import { AT, holder, noted, SYSTEMD } from "./noted.ts";

const PYTHON = { comm: "python3", program: "python3.11", command: "python3 server.py" };
const binder = told(20, PYTHON);
const SHELL = { pid: 5, comm: "bash", program: "bash" };
const at = (address: string, more = {}) => facts({ address, family: address.includes(":") ? "ipv6" : "ipv4", ...more });
const asking = (address: string, more = {}) => ({ socket: at(address, { sk: 2, inode: 200, state: "BOUND", ...more }) });

describe("same-process", () => {
  const own = { holders: [holder(20)] };

  it("is said of what the binder has itself", () => {
    expect(noted([binder], own)).toEqual({ "same-process": "node[20] is in its own way: it holds s1 already" });
    const bound = bind({ t: AT - 43 * MS, pid: 20, socket: facts({ state: "BOUND" }) });
    expect(noted([bound, binder], { ...own, seeded: false })["same-process"]).toBe("node[20] is in its own way: it bound s1 43 ms before");
    expect(noted([binder], { ...own, owners: [connection({ inode: 100 })] })["same-process"]).toBe(
      "node[20] is in its own way: it holds s1, a connection on this port",
    );
  });

  it("is said of what it has from another process", () => {
    const bound = bind({ t: AT - 43 * MS, pid: 19, socket: facts({ state: "BOUND" }) });
    expect(noted([bound, binder], { ...own, seeded: false })["same-process"]).toBe("node[20] is in its own way: it holds s1 already");
    const justBound = bind({ t: AT - 2000, pid: 20, socket: facts({ state: "BOUND" }) });
    expect(noted([justBound, binder], { ...own, seeded: false })["same-process"]).toBe(
      "node[20] is in its own way: it bound s1 less than 1 ms before",
    );
  });

  it("is not said of a connection that it has closed, and that is in TIME_WAIT", () => {
    const ended = [close(MS, { sk: 5, inode: 500, pid: 20 }), destroy(MS, { sk: 5, pid: 20 })];
    const scene = { owners: [timeWait()], seeded: false, holders: [] };
    expect(noted([seed(connection()), ...ended, binder], scene)).toEqual({});
  });

  it("says why sockets of two families meet", () => {
    expect(noted([binder], { ...own, owners: [at("::")] })["same-process"]).toBe(
      "node[20] is in its own way: without IPV6_V6ONLY [::]:8080 takes IPv4 too, so 0.0.0.0:8080 is taken",
    );
    expect(noted([binder], { ...own, owners: [at("::")], call: asking("127.0.0.1") })["same-process"]).toMatch(
      /takes IPv4 too, so 127\.0\.0\.1:8080 is taken$/,
    );
    expect(noted([binder], { ...own, owners: [at("192.0.2.1")], call: asking("::") })["same-process"]).toBe(
      "node[20] is in its own way: without IPV6_V6ONLY [::]:8080 takes IPv4 too, and it holds 192.0.2.1:8080",
    );
  });

  it("does not where they are of one family", () => {
    expect(noted([binder], { ...own, owners: [at("::")], call: asking("::") })["same-process"]).not.toMatch("IPV6_V6ONLY");
    expect(noted([binder], { ...own, owners: [at("::", { ipv6Only: true })], call: asking("::") })["same-process"]).not.toMatch(
      "IPV6_V6ONLY",
    );
  });

  it("is not said of another process", () => {
    expect(noted([binder], { holders: [holder(21)] })).toEqual({});
  });
});

describe("same-command", () => {
  it("is said of a second process of the program", () => {
    expect(noted([told(10, PYTHON), binder])).toEqual({
      "same-command": "node[10] is another process of the same program with the same command line",
    });
    const older = [told(10, { ...PYTHON, startedAt: -5000 * MS }), told(20, { ...PYTHON, startedAt: AT - 1000 * MS })];
    const alike = "node[10] is another process of the same program with the same command line";
    for (const [one, other] of [
      [null, MS],
      [-MS, null],
      [MS, MS],
      [2 * MS, MS],
    ] as const) {
      expect(noted([told(10, { ...PYTHON, startedAt: one }), told(20, { ...PYTHON, startedAt: other })])["same-command"]).toBe(alike);
    }
    expect(noted(older)["same-command"]).toBe(
      "node[10] is another process of the same program with the same command line, started 14.00 s earlier",
    );
  });

  it.each<[string, EventOf<"process">, EventOf<"process">]>([
    ["with other words", told(10, { ...PYTHON, command: "python3 server.py 2" }), binder],
    ["of another program", told(10, { ...PYTHON, program: "python3.12" }), binder],
    ["without a command line", told(10, { ...PYTHON, command: "" }), told(20, { ...PYTHON, command: "" })],
    ["that it comes from", told(10, PYTHON), told(20, { ...PYTHON, ancestors: [SHELL, { pid: 10, comm: "python3", program: null }] })],
    ["that comes from it", told(10, { ...PYTHON, ancestors: [SHELL, { pid: 20, comm: "python3", program: null }] }), binder],
  ])("is not said of one %s", (_, holding, binding) => {
    expect(noted([holding, binding])).not.toHaveProperty("same-command");
  });

  it("is left out where another note says what the holder is", () => {
    const daemon = [{ pid: 4, comm: "PM2", program: "node" }];
    const two = [10, 20].map((pid) => told(pid, { marks: ["pm_id"], ancestors: daemon }));
    expect(Object.keys(noted(two))).toEqual(["pm2-fork-mode", "libuv-reports-listen"]);
  });

  it("is said beside what has become of the holder", () => {
    expect(Object.keys(noted([told(10, { ...PYTHON, state: "T" }), binder]))).toEqual(["stopped-holder", "same-command"]);
  });
});

describe("watcher-overlap", () => {
  const watcher = { pid: 6, comm: "node", program: "node" };
  const nodemon = (pid: number) => told(pid, { t: -10 * MS, command: "node /app/node_modules/.bin/nodemon server.js" });
  const overlap = (events: readonly TraceEvent[], options = {}) => noted([nodemon(6), nodemon(9), ...events], options)["watcher-overlap"];
  const child = (pid: number, startedAt: number | null, ancestors: EventOf<"process">["ancestors"] = [watcher, SHELL]) =>
    told(pid, { startedAt, ancestors });
  const old = child(10, AT - 5000 * MS);
  const young = child(20, AT - 100 * MS);
  const message = (end: string) => `nodemon (pid 6) started node[20] while its node[10], 4.90 s older, still had the port; that one ${end}`;

  it("is said where the watcher has told the old child to end, but it has not yet", () => {
    expect(overlap([old, young, signal(AT - 212 * MS)])).toBe(message("got SIGTERM 212 ms before this"));
  });

  it("is said where no signal to it was seen", () => {
    expect(overlap([old, young])).toBe(message("was not seen to get a signal"));
    expect(overlap([old, young, signal(AT - MS, { signal: 18 }), signal(AT + MS)])).toBe(message("was not seen to get a signal"));
  });

  it("is said of what let go before its holders were looked for", () => {
    const bound = bind({ t: MS, pid: 10, socket: facts({ state: "BOUND" }) });
    const gone = [close(AT + MS / 2), destroy(AT + MS)];
    expect(overlap([bound, old, young, ...gone], { holders: [], seeded: false })).toBe(message("was not seen to get a signal"));
  });

  it("is said below shells that the watcher has started, known by their forks", () => {
    const forks = [fork(MS, 6, 7), fork(2 * MS, 7, 10), fork(3 * MS, 6, 8), fork(4 * MS, 8, 20)];
    const all = [...forks, told(10, { t: AT, ancestors: [] }), told(20, { t: AT, ancestors: [] })];
    expect(overlap(all)).toBe(
      "nodemon (pid 6) started node[20] while its node[10], 2 ms older, still had the port; that one was not seen to get a signal",
    );
  });

  it("is said of a watcher that /proc told of only as an ancestor of its children, whose forks were seen", () => {
    const ancestors = [{ ...watcher, command: "node /app/node_modules/.bin/nodemon server.js" }];
    const all = [fork(MS, 6, 10), fork(3 * MS, 6, 20), told(10, { t: AT, ancestors }), told(20, { t: AT, ancestors })];
    expect(noted(all)["watcher-overlap"]).toBe(
      "nodemon (pid 6) started node[20] while its node[10], 2 ms older, still had the port; that one was not seen to get a signal",
    );
  });

  it("is said below a shell of which the fork alone is known, by what /proc said of its child", () => {
    const shell = { pid: 7, comm: "sh", program: "dash" };
    expect(overlap([fork(-MS, 7, 10), { ...old, ancestors: [shell, watcher] }, young])).toBeDefined();
    expect(overlap([fork(-MS, 7, 10), { ...old, ancestors: [SYSTEMD, watcher] }, young])).toBeUndefined();
  });

  it("is said of a child whose own parent has gone", () => {
    const forks = [fork(-2 * MS, 6, 7), fork(-MS, 7, 10), exit(MS, { pid: 7 })];
    expect(overlap([...forks, { ...old, ancestors: [SYSTEMD] }, young])).toBeDefined();
  });

  it.each<[string, TraceEvent[]]>([
    ["of processes of one run", [child(10, 1, [{ ...SHELL, pid: 7 }, watcher]), child(20, 2, [{ ...SHELL, pid: 7 }, watcher])]],
    ["of a holder that is not older", [child(10, 5), child(20, 5)]],
    ["where one start is not known", [child(10, null), young]],
    ["where the other start is not known", [child(10, -MS), child(20, null)]],
    ["of a holder below another watcher", [child(10, 1, [{ ...watcher, pid: 9 }]), young]],
    ["below what is no watcher", [child(10, 1, [SHELL]), child(20, 2, [SHELL])]],
    ["of a process and its child", [old, child(20, 2, [{ ...watcher, pid: 10 }, watcher])]],
  ])("is not said %s", (_, events) => {
    expect(overlap(events)).toBeUndefined();
  });
});

describe("stopped-holder", () => {
  const is = (how: string) => `node[10] ${how}: a stopped process keeps the port, and until SIGCONT only SIGKILL ends it`;

  it("is said by the state that /proc tells", () => {
    expect(noted([told(10, { state: "T" }), binder])).toEqual({ "stopped-holder": is("is stopped") });
    expect(noted([signal(MS, { signal: 18 }), told(10, { t: 2 * MS, state: "T" }), binder])).toHaveProperty("stopped-holder");
    expect(noted([told(10, { state: "T" }), signal(MS, { signal: 20 }), binder])["stopped-holder"]).toBe(is("is stopped"));
  });

  it("is said by a signal since then", () => {
    expect(noted([told(10, PYTHON), signal(MS, { signal: 19 }), binder])["stopped-holder"]).toBe(is("is stopped"));
    expect(noted([signal(MS, { signal: 18 }), signal(2 * MS, { signal: 20 }), binder])["stopped-holder"]).toBe(
      is("got SIGTSTP, which stops it unless it is handled"),
    );
  });

  it("is said of one that /proc showed before it had its turn to stop", () => {
    expect(noted([signal(MS, { signal: 19 }), told(10, { t: 2 * MS, state: "R" }), binder])["stopped-holder"]).toBe(is("is stopped"));
  });

  it("is said of who was found, whoever had it last", () => {
    const ended = [close(AT + MS / 2), destroy(AT + MS)];
    const scene = { holders: [holder(11)] };
    expect(Object.keys(noted([told(11, { state: "T" }), ...ended, binder], scene))).toEqual(["stopped-holder"]);
    expect(noted([told(10, { state: "T" }), ...ended, binder], scene)).toEqual({});
  });

  it.each<[string, TraceEvent[]]>([
    ["of one that waits", [told(10, { state: "S" })]],
    ["of one that a debugger stopped", [told(10, { state: "t" })]],
    ["after SIGCONT", [told(10, { state: "T" }), signal(MS, { signal: 18 })]],
    ["after SIGCONT that followed another stop", [signal(MS, { signal: 19 }), signal(2 * MS, { signal: 18 })]],
    ["of one that was seen to run since", [signal(-2000 * MS, { signal: 20 }), told(10, { t: -999 * MS })]],
    ["of one that has ended since", [told(10, { state: "T" }), exit(AT + MS)]],
    ["of one that was told to end", [signal(MS, { signal: 15 })]],
  ])("is not said %s", (_, events) => {
    expect(noted([...events, binder])).not.toHaveProperty("stopped-holder");
  });
});

describe("launcher-gone", () => {
  it("is said of the one that started a shell that still waits", () => {
    const forks = [fork(MS, 8, 9), fork(2 * MS, 9, 10), exec(3 * MS, 9, "sh")];
    expect(noted([...forks, exit(4 * MS, { pid: 8, comm: "npm", signal: 9 })])["launcher-gone"]).toMatch(
      /^\w+\[10\] outlived npm\[8\], .*SIGKILL/,
    );
    expect(noted(forks)).not.toHaveProperty("launcher-gone");
  });

  it("is said where /proc told of another parent before", () => {
    const moved = (parent: number) =>
      noted([told(10, { ancestors: [{ pid: 9, comm: "sh", program: "dash" }] })], { holders: [holder(10, { parent })] });
    expect(moved(2)["launcher-gone"]).toBe("node[10] outlived sh[9], which had started it: its parent is process 2 now");
    expect(moved(9)).not.toHaveProperty("launcher-gone");
  });

  it("is said where the parent was seen to end", () => {
    const left = (code: number, sent: number) => [
      fork(MS, 9, 10),
      exit(AT - 2000 * MS, { pid: 9, comm: "sh", code, signal: sent }),
      binder,
    ];
    expect(noted(left(1, 0))).toEqual({
      "launcher-gone": "node[10] outlived sh[9], which had started it and ended 2.00 s before (code 1)",
    });
    expect(noted(left(0, 2))["launcher-gone"]).toMatch(/\(SIGINT\)$/);
  });

  it("is said of a script of npm below pid 1", () => {
    const orphan = (mark: string) => noted([told(10, { marks: [mark], ancestors: [SYSTEMD] }), binder])["launcher-gone"];
    expect(orphan("npm_lifecycle_event=dev")).toBe(
      "node[10] was started by npm (npm run dev), which is gone: its parent is systemd[1] now",
    );
    expect(orphan("npm_lifecycle_event")).toBe("node[10] was started by npm, which is gone: its parent is systemd[1] now");
  });

  it.each<[string, TraceEvent[]]>([
    ["of one whose parent lives", [fork(MS, 9, 10)]],
    ["of one whose parent ended only later", [fork(MS, 9, 10), exit(AT + MS, { pid: 9 })]],
    ["of one whose grandparent ended", [fork(MS, 8, 9), fork(2 * MS, 9, 10), exit(3 * MS, { pid: 8 })]],
    ["of a service", [told(10, { ancestors: [SYSTEMD] })]],
    ["of a script below its shell", [told(10, { marks: ["npm_lifecycle_event=dev"], ancestors: [SHELL, SYSTEMD] })]],
    [
      "where npm itself is pid 1, in a container",
      [told(10, { marks: ["npm_lifecycle_event=start"], ancestors: [{ pid: 1, comm: "npm start", program: "node" }] })],
    ],
  ])("is not said %s", (_, events) => {
    expect(noted([...events, binder])).not.toHaveProperty("launcher-gone");
  });

  it("is not said of the binder itself", () => {
    const events = [fork(MS, 9, 20), exit(2 * MS, { pid: 9 }), binder];
    expect(noted(events, { holders: [holder(20)] })).not.toHaveProperty("launcher-gone");
  });
});
