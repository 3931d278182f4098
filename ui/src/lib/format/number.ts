// Plain numbers, and numbers that choose a plural.

import { perLocale } from './per-locale';

const whole = perLocale((tag) => new Intl.NumberFormat(tag));
const short = perLocale((tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 1, useGrouping: false }));

/** A number as it is read: `1,004`. */
export function number(value: number): string {
  return whole().format(value);
}

/** One decimal, and none where it would be zero; not grouped, for it stands before a unit that keeps it small. */
export function decimal(value: number): string {
  return short().format(value);
}

/** A number that a message counts by. The plural follows its value, the text shows it as it is read. */
export interface Counted {
  valueOf(): number;
  toString(): string;
}

/** Lets a message count. */
export function counted(value: number): Counted {
  return { valueOf: () => value, toString: () => number(value) };
}

/** A number in digits that may not be those of the window, to show what they look like. */
export function inDigits(value: number, digits: string): string {
  return new Intl.NumberFormat(`en-u-nu-${digits}`, { useGrouping: false }).format(value);
}
