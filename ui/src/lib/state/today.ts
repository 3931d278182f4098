// Today, hour by hour.

import type { EarningsBucket } from '$lib/bindings/EarningsBucket';
import type { EarningsSum } from '$lib/bindings/EarningsSum';
import { number, counted } from '$lib/format/number';
import * as commands from '$lib/ipc/commands';
import { m } from '$lib/messages';
import { Asked } from './asked.svelte';

const HOUR_MS = 3_600_000;

/** How many hours a day has by now, and how many it will have: 23 or 25 where the clock is changed. */
export function hoursOfDay(nowMs: number): { begun: number; all: number } {
  const now = new Date(nowMs);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const next = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1).getTime();
  return { begun: Math.floor((nowMs - midnight) / HOUR_MS) + 1, all: Math.round((next - midnight) / HOUR_MS) };
}

/** Each hour of today, those to come among them, and the most that one has brought. */
export interface Hours {
  all: EarningsBucket[];
  highest: string;
}

/** What the hours of today have brought, once it was asked for. */
export const hoursOfToday = () =>
  new Asked(async (): Promise<Hours> => {
    const { begun, all } = hoursOfDay(Date.now());
    const { buckets, highest } = await commands.earnings({ by: 'hour', count: begun });
    const last = buckets.at(-1);
    if (!last) return { all: [], highest };
    const toCome = Array.from({ length: Math.max(0, all - begun) }, (_, ahead): EarningsBucket => {
      const fromMs = last.untilMs + ahead * HOUR_MS;
      return { fromMs, untilMs: fromMs + HOUR_MS, sum: { jobs: '0', runningMs: 0, attempts: 0, unmeasured: 0, unpriced: 0 } };
    });
    return { all: [...buckets, ...toCome], highest };
  });

/** What is missing in a sum; empty if nothing is. */
export function missing({ unmeasured, unpriced, attempts }: Pick<EarningsSum, 'unmeasured' | 'unpriced' | 'attempts'>): string[] {
  const all = number(attempts);
  return [
    ...(unmeasured > 0 ? [m.earnings_unmeasured({ count: counted(unmeasured), all })] : []),
    ...(unpriced > 0 ? [m.earnings_unpriced({ count: counted(unpriced), all })] : []),
  ];
}
