// Whether amounts are those of practice. Then none of them is money, and each says so wherever it stands.

/** Puts an amount without a currency into words. */
type Words = (amount: string) => string;

let words = $state.raw<Words | null>(null);

/** The words of every amount; null if amounts are money. */
export function practiceWords(): Words | null {
  return words;
}

/** Lets every amount be one of practice from now on, in these words, or money again; what is on the page follows by itself. */
export function writeAsPractice(as: Words | null) {
  words = as;
}
