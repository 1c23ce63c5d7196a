import { closeSync, constants, openSync, readSync } from "node:fs";
import type { KernelMessage } from "../core/survey.ts";
import { parseKernelMessage } from "./survey-text.ts";

/** Longest record of /dev/kmsg (PRINTK_MESSAGE_MAX); a shorter buffer would give EINVAL. */
const RECORD = 8192;

/** The kernel's own messages that are still in its ring, oldest first; null when they cannot be read. */
export function readKernelLog(): KernelMessage[] | null {
  let fd: number;
  try {
    fd = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  const messages: KernelMessage[] = [];
  const buffer = Buffer.alloc(RECORD);
  try {
    for (;;) {
      const record = nextRecord(fd, buffer);
      if (record === null) return messages;
      const message = parseKernelMessage(record);
      if (message) messages.push(message);
    }
  } catch {
    return messages.length > 0 ? messages : null;
  } finally {
    closeSync(fd);
  }
}

/** Null at the end of the ring. EPIPE only says that records were overwritten meanwhile. */
function nextRecord(fd: number, buffer: Buffer): string | null {
  for (;;) {
    try {
      const length = readSync(fd, buffer);
      return length === 0 ? null : buffer.toString("utf8", 0, length);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return null;
      if (code !== "EPIPE") throw error;
    }
  }
}
