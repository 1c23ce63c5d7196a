import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { fail, ok, type Result } from "../base/result.ts";
import type { Problem } from "./problem.ts";

/** Both ends of a pipe, as file descriptors of this process that no child inherits by itself. */
export interface Pipe {
  readEnd: number;
  writeEnd: number;
}

/** Where the pipe may have its name for a moment: /run is a tmpfs of root's where the other is full or may not be written. */
const FOLDERS = () => [tmpdir(), "/run"];

/**
 * A pipe (pipe(7), 64 KiB) for a child to write to. What Node gives a child as stdout is a pair of unix sockets, which counts each write
 * with the memory that the kernel keeps for it (sk_wmem_alloc, unix(7)): it is full after some 280 lines, and the child sleeps.
 * Node cannot make a pipe, so this is a FIFO (mkfifo(1)) in a folder of its own, whose name is gone before anybody writes to it.
 */
export async function openPipe(): Promise<Result<Pipe, Problem>> {
  let why = "";
  for (const parent of FOLDERS()) {
    try {
      return ok(await openFifo(parent));
    } catch (error) {
      why = (error as Error).message;
    }
  }
  const message = `a pipe could not be made in ${FOLDERS().join(" or ")} (${why}): make room there, or set TMPDIR to another folder`;
  return fail({ kind: "unsupported", message });
}

async function openFifo(parent: string): Promise<Pipe> {
  // Readable by its owner alone (mkdtemp(3)).
  const folder = mkdtempSync(join(parent, "bindtrace-"));
  try {
    const path = join(folder, "pipe");
    await execa("mkfifo", ["-m", "600", path]);
    // Opened for both, it waits for no other end (fifo(7)); after that neither does one of them.
    const both = openSync(path, "r+");
    try {
      // Who owns `parent` can put another folder in the place of this one: what has been opened is ours, and stays the same.
      if (!fstatSync(both).isFIFO() || fstatSync(both).uid !== process.geteuid?.()) throw new Error("it was exchanged for another");
      const same = `/proc/self/fd/${both}`;
      return { readEnd: openSync(same, "r"), writeEnd: openSync(same, "w") };
    } finally {
      closeSync(both);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
