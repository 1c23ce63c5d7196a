import { setPriority } from "node:os";

/** Nice value of those by whom lines come from the kernel: while one of them waits for its turn, the kernel's buffers fill. */
const NICE = -10;

/** Lets this process, or with 0 the calling thread alone (setpriority(2)), run before others. Without CAP_SYS_NICE it stays as it is. */
export function takePrecedence(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch {
    // Its turn comes later then, and what is lost by that is counted.
  }
}
