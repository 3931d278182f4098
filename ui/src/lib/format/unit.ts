// A number with its unit, and the two apart for figures that draw the unit smaller.

import { locale } from './locale.svelte';
import { perLocale } from './per-locale';

/** What is measured in the window and known to `Intl`. */
export type Unit = 'second' | 'minute' | 'hour' | 'day' | 'celsius' | 'percent';

/** A number and its unit, apart. */
export interface Measure {
  value: string;
  unit: string;
}

/** English is written here with the symbols of the SI: they have no plural, and "3 hrs" keeps no column. */
const SYMBOLS: Record<Unit, string> = { second: 's', minute: 'min', hour: 'h', day: 'd', celsius: '°C', percent: '%' };

const formats = perLocale(() => new Map<string, Intl.NumberFormat>());

/** `1 min`, `42 %`, `61 °C`: as many decimals as asked for. */
export function quantity(value: number, unit: Unit, decimals = 0): string {
  if (isEnglish()) return `${measure(value, unit, decimals).value}\u00a0${SYMBOLS[unit]}`;
  return format(unit, decimals).format(value).replaceAll(' ', '\u00a0');
}

/** The same in two parts. */
export function measure(value: number, unit: Unit, decimals = 0): Measure {
  const parts = format(unit, decimals).formatToParts(value);
  const name = parts.find(({ type }) => type === 'unit' || type === 'percentSign')?.value ?? '';
  const digits = parts.filter(({ type }) => type !== 'unit' && type !== 'percentSign' && type !== 'literal');
  return { value: digits.map((part) => part.value).join(''), unit: isEnglish() ? SYMBOLS[unit] : name.trim() };
}

/** Parts per thousand as whole percent, rounded down: 99.9 % is not done. */
export function percent(permille: number): string {
  return quantity(Math.floor(permille / 10), 'percent');
}

function format(unit: Unit, decimals: number): Intl.NumberFormat {
  const known = formats();
  const key = `${unit} ${decimals}`;
  const made =
    known.get(key) ??
    new Intl.NumberFormat(locale(), {
      style: 'unit', unit, unitDisplay: 'short', minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    });
  known.set(key, made);
  return made;
}

function isEnglish(): boolean {
  return locale().startsWith('en');
}
