/** Makes a switch exhaustive at compile time; throws if an impossible value arrives all the same. */
export function unreachable(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
