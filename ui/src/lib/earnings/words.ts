// Stretches of time and what is not known of them, in words.

import type { EarningsBucket } from '$lib/bindings/EarningsBucket';
import type { EarningsBy } from '$lib/bindings/EarningsBy';
import type { EarningsRange } from '$lib/bindings/EarningsRange';
import type { Worker } from '$lib/bindings/Worker';
import { money } from '$lib/format/money';
import { counted, number } from '$lib/format/number';
import { dayInFull, dayOfYear, monthInFull, monthShort, timeOfDay } from '$lib/format/time';
import { m } from '$lib/messages';

/** Below so many stacks stands one edge: what fits beside the next in the smallest window. */
const EDGE_EVERY: Record<EarningsBy, number> = { hour: 4, day: 5, month: 2 };

/** A stretch of time by its name. */
export function spanName(by: EarningsBy, { fromMs, untilMs }: EarningsBucket): string {
  switch (by) {
    case 'hour':
      return m.earnings_hour_span({ day: dayInFull(fromMs), from: timeOfDay(fromMs), until: timeOfDay(untilMs) });
    case 'day':
      return dayInFull(fromMs);
    case 'month':
      return monthInFull(fromMs);
  }
}

/** The same as short as can be, where there is room for it. */
export function spanEdge(by: EarningsBy, { fromMs }: EarningsBucket, index: number): string | null {
  if (index % EDGE_EVERY[by] !== 0) return null;
  return by === 'hour' ? timeOfDay(fromMs) : by === 'day' ? dayOfYear(fromMs) : monthShort(fromMs);
}

/** What was earned in it, for those who do not see it. */
export function spanWords(by: EarningsBy, bucket: EarningsBucket): string {
  const { jobs, power } = bucket.sum;
  const when = spanName(by, bucket);
  return power === undefined ? m.earnings_bar({ when, amount: money(jobs) }) : m.earnings_bar_power({ when, amount: money(jobs), power: money(power) });
}

/** Of how much of the past a range is told, or why it is not. */
export function basis(by: EarningsBy, { basis: found, needed, p50 }: EarningsRange): string {
  const count = counted(found);
  if (p50 !== undefined) {
    return { hour: m.earnings_basis_hour, day: m.earnings_basis_day, month: m.earnings_basis_month }[by]({ count });
  }
  return { hour: m.earnings_few_hour, day: m.earnings_few_day, month: m.earnings_few_month }[by]({ count, needed: number(needed) });
}

/** What worked. */
export function workerName(worker: Worker): string {
  switch (worker.kind) {
    case 'card':
      return worker.model;
    case 'processor':
      return m.earnings_worker_processor();
    case 'unknown':
      return m.earnings_worker_unknown();
  }
}
