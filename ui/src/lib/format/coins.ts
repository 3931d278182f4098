// Amounts of tokens. They come as decimal text with as many digits as mean something, and stay exact.

import { plainDecimal } from './decimal';
import { locale } from './locale.svelte';
import { perLocale } from './per-locale';

const formats = perLocale(() => new Map<number, Intl.NumberFormat>());

/** `12.50` in the digits and with the separators of the language. What is no decimal text is shown as it is. */
export function coins(text: string): string {
  const found = /^-?\d+(?:\.(\d+))?$/.exec(text);
  return found ? format(found[1]?.length ?? 0).format(text as Intl.StringNumericLiteral) : text;
}

/** As exact as a glance needs it: two decimals, or as many as a small amount needs to be seen. Rounded towards zero, as money is. */
export function glanced({ text, symbol }: { text: string; symbol: string }): string {
  const [, whole = '', decimals = ''] = /^(-?\d+)\.(\d+)$/.exec(text) ?? [];
  if (whole === '') return named({ text, symbol });
  const firstDigit = decimals.search(/[1-9]/);
  const shown = !/^-?0$/.test(whole) || firstDigit < 0 ? 2 : Math.max(2, firstDigit + 2);
  return named({ text: `${whole}.${decimals.slice(0, shown)}`, symbol });
}

/** With its symbol, on one line: `12.50 USDC`. */
export function named({ text, symbol }: { text: string; symbol: string }): string {
  return symbol === '' ? coins(text) : `${coins(text)}\u00a0${symbol}`;
}

/** Whether there is nothing of it. */
export function isNone({ units }: { units: string }): boolean {
  return /^0*$/.test(units);
}

/** An amount as somebody types it, as the agent reads it: a point, Latin digits, nothing else. Null if it is none. */
export function typedCoins(text: string): string | null {
  const plain = plainDecimal(text);
  return plain !== null && /^\d{1,20}(?:\.\d{0,18})?$/.test(plain) ? plain : null;
}

function format(decimals: number): Intl.NumberFormat {
  const known = formats();
  const made = known.get(decimals) ?? new Intl.NumberFormat(locale(), { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  known.set(decimals, made);
  return made;
}
