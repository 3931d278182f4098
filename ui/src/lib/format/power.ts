// Electrical power.

import { locale } from './locale.svelte';
import { number } from './number';
import { perLocale } from './per-locale';
import type { Measure } from './unit';

/** Whole watts. `Intl` knows no watt; its symbol is the same in all of our languages but one. */
export function watts(milliwatts: number): Measure {
  return { value: number(Math.round(milliwatts / 1_000)), unit: locale().startsWith('ar') ? 'واط' : 'W' };
}

const JOULES_PER_KWH = 3_600_000;
const hours = perLocale((tag) => new Intl.NumberFormat(tag, { minimumFractionDigits: 2, maximumFractionDigits: 2 }));

/** Kilowatt-hours with two decimals, without their unit. */
export function kilowattHours(joules: number): string {
  return hours().format(joules / JOULES_PER_KWH);
}
