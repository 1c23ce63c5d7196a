import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./cli.ts";

/** Ground truth about one refused call, as the lab programs print it (test/lab/README.md). */
export interface Truth {
  pid: number;
  fd: number | null;
  inode: number | null;
  operation: "bind" | "listen";
  protocol: string;
  family: string;
  address: string;
  port: number;
  netns: number;
  rule: string;
  blockers: {
    inode: number | null;
    protocol: string;
    state: string;
    family: string;
    address: string;
    peer: { address: string; port: number } | null;
    rule: string;
    holders: number[];
  }[];
}

export const PORT = 8080;
const FOLDER = "test/lab/situations";

/**
 * The holder dies right after the refusal, and no tracepoint tells the end of a UDP socket: these wait until bindtrace has
 * reported to the file that REPORT names.
 */
const PATIENT: readonly string[] = ["udp-inherited-by-child.py"];

/** Name of each situation and the command that creates it, relative to the repository. */
export const situations: { name: string; command: string[] }[] = readdirSync(join(ROOT, FOLDER))
  .filter((file) => /\.(py|mjs)$/.test(file))
  .sort()
  .map((file) => ({
    name: file.replace(/\.\w+$/, ""),
    command: [
      file.endsWith(".py") ? "python3" : "node",
      ...(PATIENT.includes(file) ? ["test/vm/guest/patiently.py"] : []),
      `${FOLDER}/${file}`,
      String(PORT),
    ],
  }));

export function truths(stdout: string): Truth[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Truth);
}
