// Prices by the hour as the agent reads them: of two that hold an hour, the first counts, and where none does, the usual price.

import type { BandRules } from '$lib/bindings/BandRules';
import { DAYS } from './week';

const HOURS_A_DAY = 24;
const HOURS_A_WEEK = DAYS.length * HOURS_A_DAY;

/** More bands than there are hours in a week are a mistake; the agent refuses them. */
export const BANDS_MAX = HOURS_A_WEEK;

/** The most a kilowatt-hour may cost, in micro-dollars: a hundred dollars. */
export const PRICE_MAX = 100_000_000n;

/** Of a band: how many hours of the week it holds, and of how many it is the one that counts. */
export interface Reach {
  hours: number;
  counts: number;
}

/** A price, and for how many hours of the week it counts; null for hours without a price of their own. */
export interface PriceHours {
  price: string | null;
  hours: number;
}

/** Whether a band holds an hour; days count from Monday. */
function holds({ days, from, to }: BandRules, day: number, hour: number): boolean {
  return (days.length === 0 || days.includes(DAYS[day] ?? '')) && hour >= from && hour < to;
}

/** The band that counts at each hour of each day, by its place in the list; -1 where none does. */
export function counting(bands: readonly BandRules[]): number[][] {
  return DAYS.map((_, day) => Array.from({ length: HOURS_A_DAY }, (_, hour) => bands.findIndex((band) => holds(band, day, hour))));
}

/** What each band comes to beside those above it. */
export function reaches(bands: readonly BandRules[]): Reach[] {
  const counts = counting(bands).flat();
  return bands.map(({ days, from, to }, place) => ({
    hours: (days.length === 0 ? DAYS.length : new Set(days).size) * Math.max(0, to - from),
    counts: counts.filter((one) => one === place).length,
  }));
}

/** Every price of the week with its hours, the dearest first and the usual one last. */
export function priceHours(bands: readonly BandRules[]): PriceHours[] {
  const sums = new Map<string | null, number>();
  for (const place of counting(bands).flat()) {
    const price = bands[place]?.price_per_kwh ?? null;
    sums.set(price, (sums.get(price) ?? 0) + 1);
  }
  return [...sums].map(([price, hours]) => ({ price, hours })).sort((one, other) => compare(other.price, one.price));
}

/** Where each price of the bands stands between the cheapest and the dearest, 0 to 1: for drawing, never for a figure. */
export function shades(bands: readonly BandRules[]): Map<string, number> {
  const prices = [...new Set(bands.map((band) => band.price_per_kwh))].sort(compare);
  return new Map(prices.map((price, place) => [price, prices.length < 2 ? 1 : place / (prices.length - 1)]));
}

/** From one hour to a later one: the other end gives way. */
export function fitted(from: number, to: number, moved: 'from' | 'to'): { from: number; to: number } {
  if (from < to) return { from, to };
  return moved === 'from' ? { from, to: from + 1 } : { from: to - 1, to };
}

/** A day more or less. The days stay in the order of the week; all seven of them are every day. */
export function withDay(days: readonly string[], day: string, on: boolean): string[] {
  const chosen = new Set(days.length === 0 ? DAYS : days);
  if (on) chosen.add(day);
  else chosen.delete(day);
  // A band that holds no day would hold every day in the file.
  if (chosen.size === 0) return [...days];
  return chosen.size === DAYS.length ? [] : DAYS.filter((one) => chosen.has(one));
}

/** An evening, which is when power is dear in most places. */
export function evening(price: string): BandRules[] {
  return [{ days: [], from: 17, to: 21, price_per_kwh: price }];
}

/** When a night begins and ends in most tariffs. */
export const NIGHT = { from: 22, to: 6 } as const;

/** A night, which is two: until midnight and from midnight on. */
export function night(price: string): BandRules[] {
  return [
    { days: [], from: NIGHT.from, to: HOURS_A_DAY, price_per_kwh: price },
    { days: [], from: 0, to: NIGHT.to, price_per_kwh: price },
  ];
}

/** The same bands with one a place further up or down. */
export function moved(bands: readonly BandRules[], place: number, by: -1 | 1): BandRules[] {
  const [one, other] = [bands[place], bands[place + by]];
  if (!one || !other) return [...bands];
  return bands.map((band, at) => (at === place ? other : at === place + by ? one : band));
}

function compare(one: string | null, other: string | null): number {
  if (one === null || other === null) return one === other ? 0 : one === null ? -1 : 1;
  const difference = BigInt(one) - BigInt(other);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
