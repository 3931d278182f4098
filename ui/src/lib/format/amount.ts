// An amount as somebody types it, to and from micro-dollars as text. Never through a floating-point number.

import { isParted, plainDecimal } from './decimal';

const DECIMALS = 6;

/** `0.30`, `0,30` or `٠٫٣٠` in micro-dollars; null if it is no amount, is negative, or has more decimals than there are. */
export function parseAmount(text: string): string | null {
  const found = /^(\d{1,12})(?:\.(\d{0,6}))?$/.exec(plainDecimal(text) ?? '');
  if (!found) return null;
  const [, whole = '0', decimals = ''] = found;
  return BigInt(whole + decimals.padEnd(DECIMALS, '0')).toString();
}

/** As it is typed: `0.3`. Whoever edits an amount wants to see all of it. */
export function writeAmount(micros: string): string {
  const digits = micros.padStart(DECIMALS + 1, '0');
  const decimals = digits.slice(-DECIMALS).replace(/0+$/, '');
  const whole = digits.slice(0, -DECIMALS);
  const text = decimals === '' ? whole : `${whole}.${decimals}`;
  // With one more digit it is no thousand in any language.
  return isParted(text) ? `${text}0` : text;
}
