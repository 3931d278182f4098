// A decimal number as somebody types it, in whatever digits his keyboard has.

import { locale } from './locale.svelte';
import { perLocale } from './per-locale';

/** Arabic-Indic and Persian digits, and the Arabic decimal separator. */
const FOREIGN = /[\u0660-\u0669\u06f0-\u06f9\u066b]/g;

/** What parts thousands. A number that is long enough is parted in every language. */
const parts = perLocale(() => new Intl.NumberFormat(locale()).formatToParts(1_000_000).find(({ type }) => type === 'group')?.value);

/** With a point and Latin digits. Null if it is none, or if it reads as thousands where it is typed: `1,000` in English, `1.000` in Spanish. */
export function plainDecimal(text: string): string | null {
  const typed = text.trim().replace(FOREIGN, latin);
  if (isParted(typed)) return null;
  const plain = typed.replace(',', '.');
  return /^\d+(?:\.\d*)?$/.test(plain) ? plain : null;
}

/** Whether what is meant for a decimal point reads as one of thousands. */
export function isParted(text: string): boolean {
  const found = /^[1-9]\d{0,2}([.,])\d{3}$/.exec(text);
  return found !== null && found[1] === parts();
}

function latin(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  return code === 0x066b ? '.' : String((code - (code >= 0x06f0 ? 0x06f0 : 0x0660)) % 10);
}
