// An amount as somebody types it, to and from micro-dollars as text. Never through a floating-point number.

const DECIMALS = 6;
/** Arabic-Indic and Persian digits, and the Arabic decimal separator. */
const FOREIGN = /[\u0660-\u0669\u06f0-\u06f9\u066b]/g;

/** `0.30`, `0,30` or `٠٫٣٠` in micro-dollars; null if it is no amount, is negative, or has more decimals than there are. */
export function parseAmount(text: string): string | null {
  const plain = text.trim().replace(FOREIGN, latin).replace(',', '.');
  const found = /^(\d{1,12})(?:\.(\d{0,6}))?$/.exec(plain);
  if (!found) return null;
  const [, whole = '0', decimals = ''] = found;
  return BigInt(whole + decimals.padEnd(DECIMALS, '0')).toString();
}

/** As it is typed: `0.3`. Whoever edits an amount wants to see all of it. */
export function writeAmount(micros: string): string {
  const digits = micros.padStart(DECIMALS + 1, '0');
  const decimals = digits.slice(-DECIMALS).replace(/0+$/, '');
  const whole = digits.slice(0, -DECIMALS);
  return decimals === '' ? whole : `${whole}.${decimals}`;
}

function latin(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  return code === 0x066b ? '.' : String((code - (code >= 0x06f0 ? 0x06f0 : 0x0660)) % 10);
}
