/**
 * relisten.mjs PORT: a Node cluster, of which the second worker closes its server and then wants the port for itself.
 * The primary keeps the port for the first.
 */

import cluster from "node:cluster";
import { createServer } from "node:http";

const port = Number(process.argv[2]);
const tell = (text) => console.log(`${text} ${process.pid}`);

if (cluster.isPrimary) {
  cluster.fork();
  cluster.once("listening", () => cluster.fork());
} else {
  const server = createServer();
  server.on("error", ({ code, syscall }) => tell(`refused ${syscall} ${code}`));
  server.listen(port, () => {
    tell("listening");
    if (cluster.worker.id === 2) server.close(() => server.listen({ port, exclusive: true }));
  });
}
