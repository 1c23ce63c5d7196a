/**
 * A Node cluster is restarted while one of its old workers still has a client.
 *
 * With schedulingPolicy SCHED_NONE the primary binds the port and passes the socket to its worker, which listens and
 * accepts by itself. The primary is killed. Node would make the worker exit as well, but one that wants to finish its
 * requests can decline (see oldWorker); from then on it alone holds the listening socket. The new server gets
 * EADDRINUSE and retries until the old worker's last client has gone. Node sets SO_REUSEADDR on all its listeners:
 * that excuses the open connection, which inherited it, but never a socket that listens.
 *
 * It is also the demo of the project: the story is told on stderr, the truth goes to stdout, one JSON line a refusal.
 *     node cluster-restart.mjs 8080 >/dev/null
 *
 * The director starts the others, and none of them outlives it: the old primary and the new server end when it
 * disconnects, the old worker when it hangs up.
 */

import { fork } from "node:child_process";
import cluster from "node:cluster";
import { on, once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";

const HOST = "0.0.0.0";
const REFUSALS = 3;
const RETRY_MS = 200;
// An emulated machine may stand still for a while.
const PATIENCE_MS = 120_000;

async function director(port) {
  setTimeout(giveUp, PATIENCE_MS, new Error("took too long")).unref();

  const primary = play("old-primary", port, "pipe");
  const allOldGone = once(primary, "close"); // the old worker has the same stdout
  const worker = await firstMessage(primary);
  const client = connect(port, "127.0.0.1").on("error", giveUp);
  await once(client, "data");
  process.kill(primary.pid, "SIGKILL");
  await once(primary, "exit");
  tell(`old primary ${primary.pid}: killed`);

  const blocker = listeningSocket(port);
  expect(`${blocker.holders}` === `${worker}`, `port held by [${blocker.holders}] instead of the old worker`);
  const server = play("new-server", port, "inherit");
  let refusals = 0;
  let answer;
  for await ([answer] of on(server, "message", { close: ["exit"] })) {
    if (answer !== "EADDRINUSE") break;
    print(refusal(server.pid, port, blocker));
    refusals += 1;
    if (refusals === REFUSALS) client.resetAndDestroy();
  }
  expect(answer === "listening", `the new server ended with ${answer}`);
  expect(refusals >= REFUSALS, `${refusals} refusals`);
  await allOldGone;
  server.disconnect();
  await once(server, "exit");
}

function oldPrimary() {
  tell(`old primary ${process.pid}: started`);
  process.once("disconnect", () => process.exit());
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.on("listening", (worker) => process.send(worker.process.pid));
  cluster.on("exit", () => process.exit(1));
  cluster.fork();
}

function oldWorker(port) {
  const clients = new Set();
  const server = createServer((client) => {
    clients.add(client);
    client.on("error", () => {}); // a reset is a goodbye, too
    client.on("close", () => {
      tell(`old worker ${process.pid}: the last client has gone, exiting`);
      process.exit();
    });
    client.resume().write("hello");
  });
  server.listen(port, HOST, () => tell(`old worker ${process.pid}: listening`));

  // Node emits this event when the primary has gone, and lets the worker exit unless the flag is set afterwards.
  cluster.worker.on("disconnect", () => {
    cluster.worker.exitedAfterDisconnect = clients.size > 0;
    tell(`old worker ${process.pid}: the primary has gone, ${clients.size} client left`);
  });
}

function newServer(port) {
  process.once("disconnect", () => process.exit());
  const server = createServer();
  server.on("error", ({ code }) => {
    tell(`new server ${process.pid}: ${code}, retrying in ${RETRY_MS} ms`);
    process.send(code);
    setTimeout(() => server.listen(port, HOST), RETRY_MS);
  });
  server.on("listening", () => {
    tell(`new server ${process.pid}: listening`);
    process.send("listening");
  });
  server.listen(port, HOST);
}

function play(role, port, stdout) {
  return fork(new URL(import.meta.url), [port, role], { stdio: ["ignore", stdout, "inherit", "ipc"] });
}

async function firstMessage(child) {
  const died = once(child, "exit").then(() => Promise.reject(new Error(`process ${child.pid} ended early`)));
  const [message] = await Promise.race([once(child, "message"), died]);
  return message;
}

/** Node does not tell the descriptor of a socket that could not be bound. */
function refusal(pid, port, blocker) {
  return {
    pid,
    fd: null,
    inode: null,
    operation: "bind", // Node speaks of listen
    protocol: "tcp",
    family: "ipv4",
    address: HOST,
    port: Number(port),
    netns: statSync("/proc/self/ns/net").ino,
    rule: blocker.rule,
    blockers: [blocker],
  };
}

function listeningSocket(port) {
  const local = `00000000:${Number(port).toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const inode = Number(rows.find((row) => row[1] === local && row[3] === "0A")?.[9]);
  return {
    inode,
    protocol: "tcp",
    state: "LISTEN",
    family: "ipv4",
    address: HOST,
    peer: null,
    rule: "reuseaddr-but-listening",
    holders: holders(inode),
  };
}

function holders(inode) {
  const isSocket = (fd) => attempt(() => readlinkSync(fd)) === `socket:[${inode}]`;
  const isHolder = (pid) => attempt(() => readdirSync(`/proc/${pid}/fd`))?.some((fd) => isSocket(`/proc/${pid}/fd/${fd}`));
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && isHolder(pid))
    .sort((a, b) => a - b);
}

/** For /proc, where anything may have gone since it was listed. */
function attempt(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function print(truth) {
  process.stdout.write(`${JSON.stringify(truth)}\n`);
}

function tell(story) {
  process.stderr.write(`${story}\n`);
}

function expect(fact, otherwise) {
  if (!fact) throw new Error(otherwise);
}

function giveUp(error) {
  tell(`cluster-restart.mjs: ${error.message}`);
  process.exit(1);
}

const [port, role = "director"] = process.argv.slice(2);
if (!/^\d+$/.test(port ?? "")) {
  tell("usage: cluster-restart.mjs PORT");
  process.exit(2);
}
if (cluster.isWorker) oldWorker(port);
else if (role === "old-primary") oldPrimary();
else if (role === "new-server") newServer(port);
else await director(port).catch(giveUp);
