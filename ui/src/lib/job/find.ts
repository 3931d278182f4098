// Where a text stands in the parts of a log.

/** Places found at most: nobody steps through more, and each is drawn. */
export const FOUND_MAX = 2_000;

/** A place: in which part, from which character on, and how long it is there. */
export interface Place {
  part: number;
  at: number;
  length: number;
}

/** Every place, first to last, whatever the case of its letters. */
export function places(parts: string[], wanted: string): Place[] {
  if (wanted === '') return [];
  // Letters of another case may be longer, so the text is not changed to be compared.
  const pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'), 'gi');
  const found: Place[] = [];
  for (const [part, text] of parts.entries()) {
    for (const { index, 0: there } of text.matchAll(pattern)) {
      found.push({ part, at: index, length: there.length });
      if (found.length === FOUND_MAX) return found;
    }
  }
  return found;
}

/** The next place after one, or the one before it; around the ends. */
export function step(current: number, count: number, forwards: boolean): number {
  if (count === 0) return 0;
  return (current + (forwards ? 1 : count - 1)) % count;
}
