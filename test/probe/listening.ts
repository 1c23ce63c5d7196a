import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";

/** A socket that this process has one descriptor of, and that listens on a free port. */
export async function listening(): Promise<{ inode: number; port: number; close(): Promise<unknown> }> {
  const before = new Set(sockets());
  const server = createServer().listen(0);
  await once(server, "listening");
  const [inode] = sockets().filter((one) => !before.has(one));
  const address = server.address();
  if (inode === undefined || typeof address !== "object" || address === null) throw new Error("a server without a socket");
  return { inode, port: address.port, close: () => once(server.close(), "close") };
}

function sockets(): number[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`));
      return match ? [Number(match[1])] : [];
    } catch {
      // The descriptor by which the folder was read.
      return [];
    }
  });
}
