/**
 * The kernel gave an outgoing connection the port that a server wants: it lies in net.ipv4.ip_local_port_range, which is
 * narrowed here to that port until the connection is made.
 */

import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { app } from "./lib/installed.mjs";
import { expect, REFUSED, scenario } from "./lib/stage.mjs";

const RANGE = "/proc/sys/net/ipv4/ip_local_port_range";

await scenario([], async (stage) => {
  const routes = readFileSync("/proc/net/route", "utf8").trim().split("\n").slice(1);
  expect(routes.length === 0, "changes a sysctl, so only in a network namespace of its own: unshare --net");

  const accepted = [];
  const peer = createServer((connection) => accepted.push(connection)).listen(0, "127.0.0.1");
  await once(peer, "listening");
  const range = readFileSync(RANGE, "utf8");
  writeFileSync(RANGE, `${stage.port} ${stage.port}`);
  const client = stage.start(process.execPath, [app("client.mjs"), peer.address().port]);
  const [, port] = await client.says(/^connected (\d+)/);
  writeFileSync(RANGE, range);
  expect(Number(port) === stage.port, `connected from ${port}`);

  const server = stage.node("server.mjs");
  await server.says(REFUSED);
  await stage.refused({
    pid: server.pid,
    address: "::",
    by: { ESTABLISHED: "owner-lacks-reuseaddr" },
    via: { [client.pid]: "created" },
    nature: "process",
    notes: ["ephemeral-port", "libuv-reports-listen"],
    attempts: 1,
  });
  await server.failed();
  accepted[0].resetAndDestroy();
  peer.close();
});
