/**
 * socat, which does not set SO_REUSEADDR, has closed a connection and ended: the connection is in TIME_WAIT. Neither a
 * new socat nor a server with SO_REUSEADDR gets the port before that is over.
 */

import { once } from "node:events";
import { connect } from "node:net";
import { sockets } from "./lib/proc.mjs";
import { expect, REFUSED, scenario } from "./lib/stage.mjs";
import { until } from "./lib/wait.mjs";

await scenario(["socat"], async (stage) => {
  const socat = () => stage.start("socat", [`TCP4-LISTEN:${stage.port},fork`, "SYSTEM:echo hello"]);
  const first = socat();
  await stage.listening(first.pid);
  const client = connect(stage.port, "127.0.0.1").resume();
  await once(client, "connect");
  const { localPort } = client;
  await once(client, "close");
  await first.end();
  await until(() => sockets(stage.port).every(({ state }) => state === "TIME_WAIT"));

  const story = { nature: "time-wait" };
  const second = socat();
  await second.says(/Address already in use/);
  await stage.refused({ pid: second.pid, by: { TIME_WAIT: "time-wait-binder-lacks-reuseaddr" }, ...story });
  await second.failed();
  const server = stage.node("server.mjs", ["--host", "0.0.0.0"]);
  await server.says(REFUSED);
  await stage.refused({
    pid: server.pid,
    by: { TIME_WAIT: "time-wait-owner-lacked-reuseaddr" },
    ...story,
    notes: ["libuv-reports-listen"],
  });
  await server.failed();

  // Ends TIME_WAIT as test/lab/lab.py does: by another SYN from the same port.
  const [error] = await once(connect({ port: stage.port, host: "127.0.0.1", localPort }), "error");
  expect(error.code === "ECONNREFUSED", `TIME_WAIT did not end: ${error.message}`);
  const third = socat();
  await stage.listening(third.pid);
  await third.end();
});
