/** Ranges of ports, both ends included. None stands for all ports. */
export type PortRanges = readonly (readonly [low: number, high: number])[];

export function inRanges(port: number, ranges: PortRanges): boolean {
  return ranges.length === 0 || ranges.some(([low, high]) => port >= low && port <= high);
}
