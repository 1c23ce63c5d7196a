/**
 * An HTTP server as anyone writes it. It says what comes of its listen, and exits when that is refused.
 *
 * server.mjs PORT [--host HOST | --fd FD] [--exclusive] [--reuse-port] [--retry] [--drain | --linger]
 * --fd: a descriptor that was passed, instead of the port.
 * --retry: when refused, listens again for each line on stdin.
 * --drain, --linger: what it does about a signal: stops listening and exits after its last connection; or exits after its
 * last connection without having closed the listener, which is the mistake that makes a restart overlap.
 * A request for /wait gets the beginning of an answer and no end.
 */

import cluster from "node:cluster";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const flag = { type: "boolean", default: false };
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    host: { type: "string" },
    fd: { type: "string" },
    exclusive: flag,
    "reuse-port": flag,
    retry: flag,
    drain: flag,
    linger: flag,
  },
});
const tell = (text) => console.log(`${text} ${process.pid}`);

let connections = 0;
let isEnding = false;
const server = createServer((request, response) => {
  response.write("hello\n");
  if (request.url !== "/wait") response.end();
});

function listen() {
  const { host, fd, exclusive, "reuse-port": reusePort } = values;
  const where = fd === undefined ? { port: Number(positionals[0]), host } : { fd: Number(fd) };
  server.listen({ ...where, exclusive, reusePort }, () => {
    tell("listening");
    cluster.worker?.send("listening");
  });
}

function endIfDone() {
  if (!isEnding || connections > 0) return;
  tell("exiting");
  process.exit();
}

server.on("error", ({ code, syscall }) => {
  tell(`refused ${syscall} ${code}`);
  if (values.retry) process.stdin.once("data", listen);
  else process.exit(1);
});
server.on("connection", (connection) => {
  connections += 1;
  connection.on("close", () => {
    connections -= 1;
    endIfDone();
  });
});
if (values.drain || values.linger) {
  for (const signal of ["SIGTERM", "SIGINT", "SIGUSR2"]) {
    process.on(signal, () => {
      isEnding = true;
      tell(signal);
      if (values.drain) server.close(() => tell("closed"));
      endIfDone();
    });
  }
}
listen();
