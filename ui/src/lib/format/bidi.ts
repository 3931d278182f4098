// Text that runs the other way than the sentence around it.

/** First strong isolate, and its end (Unicode Standard Annex 9): what is between them takes its own direction and disturbs nothing. */
const [ISOLATE, END] = ['\u2068', '\u2069'];

/** Letters that run from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A text to be put into a sentence of the given direction. Where both surely run the same way it stays as it is. */
export function isolated(text: string, around: 'ltr' | 'rtl'): string {
  return around === 'rtl' || RIGHT_TO_LEFT.test(text) ? `${ISOLATE}${text}${END}` : text;
}
