// How much is done in a second: operations or bytes. The symbols are international.

import { asRead } from './bidi';
import { perLocale } from './per-locale';

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const;

/** Three digits that mean something: nobody compares cards by the fourth. */
const digits = perLocale((tag) => new Intl.NumberFormat(tag, { maximumSignificantDigits: 3, useGrouping: false }));

/** What is counted. */
export type Counting = 'operations' | 'bytes';

/** `82.6 TOP/s`, `1.01 TB/s`: in powers of a thousand, as makers of cards write them. */
export function rate(perSecond: number, counting: Counting): string {
  return asRead(`${inPower(perSecond, powerOf(perSecond))}\u00a0${unit(powerOf(perSecond), counting)}`);
}

/** `81.9–83.1 TOP/s`: both in the unit of the greater. */
export function rates(low: number, high: number, counting: Counting): string {
  const power = powerOf(high);
  return asRead(`${inPower(low, power)}–${inPower(high, power)}\u00a0${unit(power, counting)}`);
}

/** `2,520 MHz`. */
export function megahertz(clock: number): { value: string; unit: string } {
  return { value: whole().format(clock), unit: 'MHz' };
}

const whole = perLocale((tag) => new Intl.NumberFormat(tag));

function inPower(value: number, power: number): string {
  return digits().format(value / 1000 ** power);
}

function unit(power: number, counting: Counting): string {
  return `${PREFIXES[power] ?? ''}${counting === 'bytes' ? 'B' : 'OP'}/s`;
}

function powerOf(value: number): number {
  // 999.6 G is 1,000 G in three digits, and reads as 1 T.
  const rounded = Number(value.toPrecision(3));
  return rounded < 1000 ? 0 : Math.min(PREFIXES.length - 1, Math.floor(Math.log10(rounded) / 3));
}
