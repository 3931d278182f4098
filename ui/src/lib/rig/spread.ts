// How often which time, as bars.

import { decimal, number } from '$lib/format/number';
import { quantity } from '$lib/format/unit';
import { m } from '$lib/messages';

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

/** A bar as it is read aloud. */
export function barWords({ fromMs, toMs, count }: Bar): string {
  const times = number(count);
  if (toMs === null) return m.yields_bar_above({ from: seconds(fromMs), times });
  return m.yields_bar_between({ from: decimal(fromMs / 1_000), to: seconds(toMs), times });
}

/** What stands under a bar. */
export function edgeWords({ fromMs, toMs }: Bar): string {
  return toMs === null ? m.yields_edge_above({ from: seconds(fromMs) }) : m.yields_edge_below({ to: seconds(toMs) });
}

function seconds(ms: number): string {
  return quantity(ms / 1_000, 'second', ms % 1_000 === 0 ? 0 : 1);
}
