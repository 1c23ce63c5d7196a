import { describe, expect, it } from "vitest";
import { bind, facts, fork, listen, MS, told, udp, udpWalk, walk } from "../helpers/events.ts";
import { AT, holder, noted } from "./noted.ts";

const PYTHON = { comm: "python3", program: "python3.11", command: "python3 server.py" };
const LIBUV =
  'libuv keeps this error until listen: Node says "listen EADDRINUSE" ("bind EADDRINUSE" in a worker for which a cluster primary binds)';
const worker = (pid: number, primary: number, marks = ["NODE_UNIQUE_ID", "NODE_CHANNEL_FD"]) =>
  told(pid, { marks, ancestors: [{ pid: primary, comm: "node", program: "node" }] });

describe("libuv-reports-listen", () => {
  it("is said of a bind of Node by its program, whatever the name of its thread is", () => {
    expect(noted([told(20, { program: "nodejs" })], { holders: [] })).toEqual({ "libuv-reports-listen": LIBUV });
    expect(noted([told(20, { comm: "MainThread" })], { call: { comm: "MainThread" }, holders: [] })).toEqual({
      "libuv-reports-listen": LIBUV,
    });
  });

  it("is said by the name where /proc did not tell of the process", () => {
    expect(noted([], { holders: [] })).toEqual({ "libuv-reports-listen": LIBUV });
  });

  it.each<[string, Parameters<typeof noted>]>([
    ["of another program that calls itself node", [[told(20, { program: "python3.11" })], { holders: [] }]],
    ["of UDP", [[], { owners: [udp()], holders: [], call: { socket: udp({ sk: 2, inode: 200 }), walk: udpWalk([udp()]) } }]],
    ["of another error", [[], { holders: [], call: { errno: "EACCES" } }]],
    ["of a datagram's connect", [[], { holders: [], call: { operation: "connect" } }]],
  ])("is not said %s", (_, scene) => {
    expect(noted(...scene)).toEqual({});
  });

  it("is not said of listen, which fails by itself", () => {
    const refusal = listen({ t: AT, errno: "EADDRINUSE", walk: walk([facts()]) });
    expect(noted([], { refusal, holders: [] })).toEqual({});
  });
});

describe("cluster-worker", () => {
  it("says that a binder binds for itself, and what Node calls that", () => {
    const message = (how: string) =>
      `node[20] is a Node cluster worker that binds for itself, as with ${how}; by default its primary binds, for all workers`;
    const libuv = 'libuv keeps this error until listen: Node says "listen EADDRINUSE"';
    expect(noted([worker(20, 19)], { holders: [] })).toEqual({
      "cluster-worker": message("exclusive: true"),
      "libuv-reports-listen": libuv,
    });
    const call = { socket: facts({ sk: 2, inode: 200, state: "BOUND", reusePort: true }) };
    expect(noted([worker(20, 19)], { holders: [], call })["cluster-worker"]).toBe(message("reusePort: true"));
  });

  it("says that a holder shares what its primary bound", () => {
    const message =
      "node[11] is a Node cluster worker with a copy of the listener of its primary node[10]: the port is free when no copy is left";
    const bound = bind({ t: MS, pid: 10, socket: facts({ state: "BOUND" }) });
    expect(noted([bound, worker(11, 10)], { holders: [holder(11)], seeded: false })["cluster-worker"]).toBe(message);
    expect(noted([worker(11, 10)], { holders: [holder(11), holder(10)] })["cluster-worker"]).toBe(message);
  });

  it("says that a holder bound for itself", () => {
    const bound = bind({ t: MS, pid: 11, socket: facts({ state: "BOUND" }) });
    expect(noted([bound, worker(11, 10)], { holders: [holder(11)], seeded: false })["cluster-worker"]).toBe(
      "node[11] is a Node cluster worker that bound for itself, as with exclusive: true: its primary has no part in it",
    );
  });

  it("leaves open which it is, where the trace does not show that", () => {
    expect(noted([worker(11, 10)], { holders: [holder(11)] })["cluster-worker"]).toBe(
      "node[11] is a Node cluster worker: unless it bound for itself (exclusive: true), its primary holds the listener too",
    );
  });

  it("is not said of a child that is no worker, nor of another program with the variable", () => {
    expect(noted([worker(20, 19, ["NODE_CHANNEL_FD"])], { holders: [] })).not.toHaveProperty("cluster-worker");
    expect(noted([worker(20, 19, ["NODE_UNIQUE_IDS"])], { holders: [] })).not.toHaveProperty("cluster-worker");
    expect(noted([told(20, { ...PYTHON, marks: ["NODE_UNIQUE_ID"] })], { holders: [] })).toEqual({});
  });
});

describe("cluster-primary", () => {
  const holding = "node[10] is the primary of a Node cluster: it holds what its workers listen on until the last of them has closed it";

  it("is said of a holder that is the parent of a worker, by /proc or by the fork", () => {
    expect(noted([told(10), worker(11, 10)])["cluster-primary"]).toBe(holding);
    expect(noted([told(10), fork(MS, 10, 11), told(11, { t: AT, marks: ["NODE_UNIQUE_ID=1"], ancestors: [] })])["cluster-primary"]).toBe(
      holding,
    );
  });

  it("says what a worker reports when its primary is refused, in place of what a server reports", () => {
    expect(noted([told(20), worker(21, 20)], { holders: [] })).toEqual({
      "cluster-primary": 'node[20] is the primary of a Node cluster: where it binds for a worker, that worker says "bind EADDRINUSE"',
    });
  });

  it("knows a worker by its program, and a primary too", () => {
    expect(noted([told(10), { ...worker(11, 10), comm: "MainThread" }])["cluster-primary"]).toBe(holding);
    expect(noted([told(10, PYTHON), worker(11, 10)])).not.toHaveProperty("cluster-primary");
    expect(noted([told(10), { ...worker(11, 10), program: "python3.11" }])).not.toHaveProperty("cluster-primary");
  });

  it("is not said of the binder's own listener, nor is that it is a worker", () => {
    const refusal = listen({ t: AT, errno: "EADDRINUSE", walk: walk([facts()]) });
    const own = { refusal, holders: [holder(20)] };
    expect(Object.keys(noted([told(20), worker(21, 20)], own))).toEqual(["same-process"]);
    expect(Object.keys(noted([worker(20, 19)], own))).toEqual(["same-process"]);
  });

  it("is not said of the parent of another child, nor of the grandparent of a worker", () => {
    expect(noted([told(10), worker(11, 10, ["NODE_CHANNEL_FD"])])).not.toHaveProperty("cluster-primary");
    const above = [12, 10].map((pid) => ({ pid, comm: "node", program: "node" }));
    expect(noted([told(10), told(11, { marks: ["NODE_UNIQUE_ID"], ancestors: above })])).not.toHaveProperty("cluster-primary");
  });
});

describe("pm2-fork-mode", () => {
  const daemon = [{ pid: 4, comm: "PM2 v6.0.5: God", program: "node" }];
  const instance = (pid: number, marks: string[]) => told(pid, { comm: "node /srv/app.js", marks, ancestors: daemon });

  it("is said of two children of pm2 in fork mode", () => {
    const marks = ["pm_id", "exec_mode=fork_mode", "NODE_CHANNEL_FD"];
    expect(noted([instance(10, marks), instance(20, marks)])).toEqual({
      "pm2-fork-mode":
        "pm2 runs node[10] and node[20] in fork mode, where each binds for itself; in cluster mode instances share one listener",
      "libuv-reports-listen": LIBUV,
    });
  });

  it.each<[string, string[], string[]]>([
    ["of one child only", ["NODE_CHANNEL_FD"], ["pm_id"]],
    ["in cluster mode", ["pm2_env", "NODE_UNIQUE_ID"], ["pm2_env", "NODE_UNIQUE_ID"]],
    ["of a worker that an instance has started", ["pm_id"], ["pm_id", "NODE_UNIQUE_ID"]],
    ["where pm2 names another mode", ["pm_id", "exec_mode=cluster_mode"], ["pm_id"]],
  ])("is not said %s", (_, holding, binding) => {
    expect(noted([instance(10, holding), instance(20, binding)])).not.toHaveProperty("pm2-fork-mode");
  });

  it("is not said of the binder itself", () => {
    expect(noted([instance(20, ["pm_id"])], { holders: [holder(20)] })).not.toHaveProperty("pm2-fork-mode");
  });

  it("is not said of a process and what it has started, nor below different parents", () => {
    const marks = ["pm_id"];
    const child = told(20, { marks, ancestors: [{ pid: 10, comm: "node", program: "node" }, ...daemon] });
    expect(noted([instance(10, marks), child])).not.toHaveProperty("pm2-fork-mode");
    const other = told(20, { marks, ancestors: [{ pid: 12, comm: "sh", program: "dash" }, ...daemon] });
    expect(noted([instance(10, marks), other])).not.toHaveProperty("pm2-fork-mode");
  });
});

describe("inspector-port", () => {
  const on = (port: number) => ({
    owners: [facts({ port })],
    call: {
      socket: facts({ sk: 2, inode: 200, state: "BOUND", port }),
      requested: { family: "ipv4" as const, address: "127.0.0.1", port },
    },
  });
  const message = (port: number) =>
    `${port} is a port of Node's inspector: child processes inherit --inspect by NODE_OPTIONS or execArgv, and then want the same port`;

  it("is said of its default port, and nothing of listen: the inspector has words of its own", () => {
    expect(noted([told(20)], { ...on(9229), holders: [] })).toEqual({ "inspector-port": message(9229) });
  });

  it.each(["--inspect=9300", "--inspect-brk=0.0.0.0:9300", "--inspect-wait=9300", "--inspect-port=[::1]:9300"])(
    "is said of the port of %s",
    (flag) => {
      expect(noted([told(20, { command: `node ${flag} server.js` })], { ...on(9300), holders: [] })).toEqual({
        "inspector-port": message(9300),
      });
      expect(noted([told(10, { command: `node ${flag} server.js` })], on(9300))).toHaveProperty("inspector-port");
    },
  );

  it("is not said of another port, nor of other programs on the default one", () => {
    expect(noted([told(20, { command: "node --inspect=9300 server.js" })], { ...on(9301), holders: [] })).not.toHaveProperty(
      "inspector-port",
    );
    expect(noted([told(20, { command: "node --inspector=9300 server.js" })], { ...on(9300), holders: [] })).not.toHaveProperty(
      "inspector-port",
    );
    expect(noted([told(20, PYTHON), told(10, PYTHON)], on(9229))).not.toHaveProperty("inspector-port");
  });

  it("is not said of UDP", () => {
    const owner = udp({ port: 9229 });
    const call = { socket: udp({ sk: 2, inode: 200, port: 9229 }), walk: udpWalk([owner], { port: 9229 }) };
    expect(noted([told(20)], { owners: [owner], call, holders: [] })).toEqual({});
  });

  it("replaces what is said of a cluster", () => {
    expect(noted([told(20), worker(21, 20)], { ...on(9229), holders: [] })).toEqual({ "inspector-port": message(9229) });
    expect(noted([worker(20, 19)], { ...on(9229), holders: [] })).toEqual({ "inspector-port": message(9229) });
    expect(noted([], { ...on(9229), call: { ...on(9229).call, errno: "EACCES" } })).toEqual({});
  });
});
