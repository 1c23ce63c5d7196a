/** Process ids from 2^30 up never exist (pid_max is at most 2^22), so kill(2) on one reaches nobody. */
export function lookBase(random: number): number {
  return (0x2000 + (random % 0xfff)) * 0x20000;
}

/** The same for the requests to watch a process, which begin above all of those: a process id has 22 bits at most. */
export function watchBase(look: number): number {
  return (0x180 + ((look / 0x20000) % 0x7f)) * 0x400000;
}
