import { once } from "node:events";
import { connect } from "node:net";
import { children, isGone } from "./proc.mjs";

const POLL_MS = 20;

/** Waits until `read` gives something, and returns it. */
export async function until(read) {
  for (;;) {
    const value = read();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Resolves when the process is no more; a zombie counts as gone. */
export const gone = (pid) => until(() => isGone(pid));

/** The first child of a process, once there is one. */
export const childOf = (pid) => until(() => children(pid)[0]);

/** A connection with a request that its server (apps/server.mjs) does not finish; end it with resetAndDestroy. */
export async function hold(port) {
  // Half open: the end of its server is not its own.
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
  client.write("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(client, "data");
  return client;
}
