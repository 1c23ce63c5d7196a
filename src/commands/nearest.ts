/** The word that this one was perhaps meant to be: the nearest of them, null when none is near. */
export function nearest(word: string, words: readonly string[]): string | null {
  const scored = words.map((candidate) => ({ candidate, distance: distance(word, candidate) }));
  const best = scored.reduce<(typeof scored)[number] | null>(
    (least, one) => (least === null || one.distance < least.distance ? one : least),
    null,
  );
  return best !== null && best.distance < Math.max(word.length, best.candidate.length) / 2 ? best.candidate : null;
}

/**
 * Fewest letters to insert, leave out, exchange, or swap with their neighbour, to make one word of the other
 * (optimal string alignment).
 */
function distance(from: string, to: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, index) => index)];
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      next[column] = Math.min(
        at(next, column - 1) + 1,
        at(last, column) + 1,
        at(last, column - 1) + (same ? 0 : 1),
        swapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, next];
  }
  return at(last, to.length);
}

const at = (row: readonly number[], column: number) => row[column] ?? Number.POSITIVE_INFINITY;
