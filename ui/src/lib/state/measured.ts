// What was measured of a card, as rows of a table.

import type { Benchmark } from '$lib/bindings/Benchmark';
import type { Figure } from '$lib/bindings/Figure';
import type { Measured } from '$lib/bindings/Measured';
import { rate, rates, type Counting } from '$lib/format/rate';
import { m } from '$lib/messages';

/** Everything else counts operations. */
const IN_BYTES: Figure[] = ['memory_read', 'memory_copy', 'memory_write', 'upload', 'download', 'cpu_memory'];

/** One line of the table. */
export interface Row {
  figure: Figure;
  name: string;
  /** By which way the driver was spoken to. */
  way: string;
  burst: string;
  spread: string;
  sustained: string | null;
  noisy: boolean;
}

/** The quickest way of each figure, in the order of the report. */
export function rows({ measured }: Pick<Benchmark, 'measured'>): Row[] {
  const best = new Map<Figure, Measured>();
  for (const one of measured) {
    const known = best.get(one.figure);
    if (!known || known.burst.median < one.burst.median) best.set(one.figure, one);
  }
  return [...best.values()].map(row);
}

function row({ figure, way, burst, sustained, noisy }: Measured): Row {
  const counting = countingOf(figure);
  return {
    figure, name: m[`gpu_figure_${figure}`](), way, noisy,
    burst: rate(burst.median, counting),
    spread: rates(burst.p10, burst.p90, counting),
    sustained: sustained ? rate(sustained.median, counting) : null,
  };
}

function countingOf(figure: Figure): Counting {
  return IN_BYTES.includes(figure) ? 'bytes' : 'operations';
}
