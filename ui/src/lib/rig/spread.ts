// How often which time, as bars.

/** One bar: how many times lie between `fromMs` and `toMs`; the last has no end. */
export interface Bar {
  fromMs: number;
  toMs: number | null;
  count: number;
}

// What a person at a PC feels: at once, a moment, a wait, too long.
const EDGES_MS = [0, 500, 1_000, 2_000, 5_000, 10_000];

/** The times sorted into bars, from the shortest to the longest. */
export function spread(tookMs: number[]): Bar[] {
  return EDGES_MS.map((fromMs, index) => {
    const toMs = EDGES_MS[index + 1] ?? null;
    return { fromMs, toMs, count: tookMs.filter((ms) => ms >= fromMs && (toMs === null || ms < toMs)).length };
  });
}

/** A short time with a tenth of a second: `0.4 s`. */
export function tenths(ms: number): string {
  return `${(ms / 1_000).toFixed(1)}\u00a0s`;
}
