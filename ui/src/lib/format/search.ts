// Whether a text is what somebody is typing the name of, and how surely. In the letters of every language the window speaks.

/** Letters that are written in several ways and read as one. What Unicode can take apart is not listed. */
const SAME: Record<string, string> = { ى: 'ي', ة: 'ه', ٱ: 'ا', ـ: '' };
const ARABIC_ZERO = 0x660;
/** A word found in a name is surer than any found elsewhere. */
const NAMED = 4;

/**
 * How surely something is meant by a query; null if it is not. Every word of the query must be found, in any order: in its name or,
 * less surely, in what else is said of it.
 */
export function match(query: string, name: string, more = ''): number | null {
  const words = folded(query).split(/\s+/).filter((word) => word !== '');
  const [inName, inMore] = [folded(name), folded(more)];
  let sum = 0;
  for (const word of words) {
    const named = matchWord(word, inName);
    const sure = named === null ? matchWord(word, inMore) : named + NAMED;
    if (sure === null) return null;
    sum += sure;
  }
  return sum;
}

/** Those of `all` that a query means, the surest first, and those that are as sure in the order they came. */
export function search<T>(query: string, all: T[], text: (one: T) => { name: string; more?: string }): T[] {
  const found = all.flatMap((one) => {
    const { name, more } = text(one);
    const sure = match(query, name, more);
    return sure === null ? [] : [{ one, sure }];
  });
  return found.sort((one, other) => other.sure - one.sure).map(({ one }) => one);
}

function matchWord(word: string, text: string): number | null {
  if (text.startsWith(word)) return 4;
  const parts = text.split(/[^\p{L}\p{N}]+/u);
  if (parts.some((part) => part.startsWith(word))) return 3;
  if (text.includes(word)) return 2;
  return parts.some((part) => isScattered(word, part)) ? 1 : null;
}

/** Whether a word begins as `typed` does and has its other letters, in this order: what remains when some were left out. */
function isScattered(typed: string, word: string): boolean {
  const letters = [...typed];
  if (letters.length < 2 || !word.startsWith(letters[0] ?? '')) return false;
  let from = 0;
  return letters.every((letter) => {
    const at = word.indexOf(letter, from);
    from = at + letter.length;
    return at >= 0;
  });
}

/** Without case, accents, vowel signs and other things that nobody types to find something. */
function folded(text: string): string {
  const bare = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const digits = bare.replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - ARABIC_ZERO));
  return digits.replace(/[ىةٱـ]/g, (letter) => SAME[letter] ?? letter);
}
