// Text that runs the other way than the sentence around it.

import { locale } from './locale.svelte';

/** First strong isolate, and its end (Unicode Standard Annex 9): what is between them takes its own direction and disturbs nothing. */
const [ISOLATE, END] = ['\u2068', '\u2069'];
/** The same for what surely runs from left to right, whatever it begins with. */
const ISOLATE_LTR = '\u2066';

/** Letters that run from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Right-to-left mark: a letter that cannot be seen. */
const FROM_THE_RIGHT = '\u200f';

/** Figures with a foreign unit, to be read from the right where the language is: `19.2 / 24 GiB` would begin at its end. */
export function asRead(figures: string): string {
  return locale().startsWith('ar') ? `${FROM_THE_RIGHT}${figures}` : figures;
}

/** A text to be put into a sentence of the given direction. Where both surely run the same way it stays as it is. */
export function isolated(text: string, around: 'ltr' | 'rtl'): string {
  return around === 'rtl' || RIGHT_TO_LEFT.test(text) ? `${ISOLATE}${text}${END}` : text;
}

/** A foreign sign within figures, such as `US$`, whose parts must not be told apart by their direction. */
export function asSign(sign: string): string {
  return locale().startsWith('ar') ? `${ISOLATE_LTR}${sign}${END}` : sign;
}
