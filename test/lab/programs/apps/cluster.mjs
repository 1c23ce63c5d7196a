/** cluster.mjs PORT [FLAG]...: two workers, one after the other, each of them server.mjs with the port and those flags. */

import cluster from "node:cluster";
import { fileURLToPath } from "node:url";

cluster.setupPrimary({ exec: fileURLToPath(new URL("server.mjs", import.meta.url)), args: process.argv.slice(2) });
cluster.fork();
cluster.once("message", () => cluster.fork()); // no event "listening" of one that binds by itself
