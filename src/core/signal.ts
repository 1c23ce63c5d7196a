/** Names of the signals by number on x86, ARM and RISC-V (signal(7)). */
const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );

/** `SIGTERM` for 15. */
export function signalName(signal: number): string {
  const name = NAMES[signal - 1];
  return name ? `SIG${name}` : `signal ${signal}`;
}
