// Electrical power.

import { locale } from './locale.svelte';
import { number } from './number';
import type { Measure } from './unit';

/** Whole watts. `Intl` knows no watt; its symbol is the same in all of our languages but one. */
export function watts(milliwatts: number): Measure {
  return { value: number(Math.round(milliwatts / 1_000)), unit: locale().startsWith('ar') ? 'واط' : 'W' };
}
