/** Ranges of ports, both ends included. None stands for all ports. */
export type PortRanges = readonly (readonly [low: number, high: number])[];

export function inRanges(port: number, ranges: PortRanges): boolean {
  return ranges.length === 0 || ranges.some(([low, high]) => port >= low && port <= high);
}

/** `8080`, `9000-9010`. */
export const rangeTexts = (ranges: PortRanges): string[] => ranges.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`));
