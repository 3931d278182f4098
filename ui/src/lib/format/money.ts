// The only way an amount reaches the screen. Amounts are micro-dollars as decimal text; they are never added here.

import { asSign } from './bidi';
import { locale } from './locale.svelte';
import { perLocale } from './per-locale';
import { practiceWords } from './practice.svelte';

const MICROS_PER_DOLLAR = 1_000_000n;

/** What is not as `Intl` writes it: a minus as long as a plus, and a currency that stays together. */
const PART: Record<string, (text: string) => string> = { minusSign: (text) => text.replace('-', '−'), currency: asSign };

const formats = perLocale(() => new Map<number, Intl.NumberFormat>());
const plainFormats = perLocale(() => new Map<number, Intl.NumberFormat>());

/**
 * Dollars with two decimals, or as many as a small amount needs to be seen: `$2.31`, `$0.0042`, `$0.00`.
 * Rounded towards zero, so that nobody is shown money that is not there.
 */
export function money(micros: string): string {
  const amount = split(micros);
  const firstDigit = amount.decimals.search(/[1-9]/);
  // Two digits that mean something, from the first that is not zero; whole dollars need no more than cents.
  const shown = amount.whole !== '0' || firstDigit < 0 ? 2 : Math.min(6, Math.max(2, firstDigit + 2));
  return write(amount, shown);
}

/** Every decimal there is, for the title of a rounded amount: `$0.004217`. */
export function moneyExact(micros: string): string {
  const amount = split(micros);
  return write(amount, amount.decimals.replace(/0{1,4}$/, '').length);
}

/** Whether the amount is nothing at all. */
export function isZero(micros: string): boolean {
  return parse(micros) === 0n;
}

/** How much one amount is of another, 0 to 1: for drawing, never for a figure. */
export function shareOf(micros: string, whole: string): number {
  const [part, all] = [parse(micros), parse(whole)];
  if (part <= 0n || all <= 0n) return 0;
  return part >= all ? 1 : Number((part * 10_000n) / all) / 10_000;
}

interface Amount {
  sign: '-' | '';
  whole: string;
  decimals: string;
}

function split(micros: string): Amount {
  const amount = parse(micros);
  const size = amount < 0n ? -amount : amount;
  const decimals = (size % MICROS_PER_DOLLAR).toString().padStart(6, '0');
  return { sign: amount < 0n ? '-' : '', whole: (size / MICROS_PER_DOLLAR).toString(), decimals };
}

function parse(micros: string): bigint {
  if (!/^-?\d+$/.test(micros)) throw new RangeError('an amount is a whole number of micro-dollars as text');
  return BigInt(micros);
}

function write({ sign, whole, decimals }: Amount, shown: number): string {
  // Decimal text goes in: a number would lose what a float cannot hold.
  const exact = `${sign}${whole}.${decimals.slice(0, shown)}` as Intl.StringNumericLiteral;
  const asPractice = practiceWords();
  if (asPractice) return asPractice(plain(shown).format(exact).replace('-', '−'));
  const parts = format(shown).formatToParts(exact);
  return parts.map(({ type, value }) => PART[type]?.(value) ?? value).join('');
}

function format(decimals: number): Intl.NumberFormat {
  const known = formats();
  const made =
    known.get(decimals) ??
    new Intl.NumberFormat(locale(), {
      style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    });
  known.set(decimals, made);
  return made;
}

/** Without a currency. */
function plain(decimals: number): Intl.NumberFormat {
  const known = plainFormats();
  const made = known.get(decimals) ?? new Intl.NumberFormat(locale(), { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  known.set(decimals, made);
  return made;
}
