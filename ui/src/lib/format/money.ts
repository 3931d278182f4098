// The only way an amount reaches the screen. Amounts are micro-dollars as decimal text; they are never added here.

const MICROS_PER_DOLLAR = 1_000_000n;

/**
 * Dollars with two decimals, or as many as a small amount needs to be seen: `$2.31`, `$0.0042`, `$0.00`.
 * Rounded towards zero, so that nobody is shown money that is not there.
 */
export function money(micros: string): string {
  const { sign, whole, rest } = split(micros);
  const decimals = rest.toString().padStart(6, '0');
  const firstDigit = decimals.search(/[1-9]/);
  // Two digits that mean something, from the first that is not zero; whole dollars need no more than cents.
  const shown = whole > 0n || firstDigit < 0 ? 2 : Math.min(6, Math.max(2, firstDigit + 2));
  return `${sign}$${group(whole)}.${decimals.slice(0, shown)}`;
}

/** A price per hour: `$0.34/h`. */
export function perHour(micros: string): string {
  return `${money(micros)}/h`;
}

/** Every decimal there is, for the title of a rounded amount: `$0.004217`. */
export function moneyExact(micros: string): string {
  const { sign, whole, rest } = split(micros);
  const decimals = rest.toString().padStart(6, '0').replace(/0{1,4}$/, '');
  return `${sign}$${group(whole)}.${decimals}`;
}

/** Whether the amount is nothing at all. */
export function isZero(micros: string): boolean {
  return parse(micros) === 0n;
}

function split(micros: string) {
  const amount = parse(micros);
  const size = amount < 0n ? -amount : amount;
  return { sign: amount < 0n ? '−' : '', whole: size / MICROS_PER_DOLLAR, rest: size % MICROS_PER_DOLLAR };
}

function parse(micros: string): bigint {
  if (!/^-?\d+$/.test(micros)) throw new RangeError('an amount is a whole number of micro-dollars as text');
  return BigInt(micros);
}

function group(whole: bigint): string {
  return whole.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}
