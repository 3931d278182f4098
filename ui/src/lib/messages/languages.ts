// The languages of the window, and which of them an owner most likely reads.

import type { Language } from '$lib/bindings/Language';

/** A language of the window. The agent says in it what it is asked to. */
export type { Language };

/** The digits of Arabic: those of the Maghreb and of Europe, or those of the Mashriq. The names are those of Unicode. */
export type Digits = 'latn' | 'arab';

/** What a language is called by those who speak it, how it runs, and how its figures are written. */
interface Ways {
  name: string;
  dir: 'ltr' | 'rtl';
  /** For `Intl`. English is written as in Europe: the day before the month, and 24 hours. */
  locale: string;
}

/** In the order in which they are offered. */
export const LANGUAGES: Record<Language, Ways> = {
  en: { name: 'English', dir: 'ltr', locale: 'en-GB' },
  es: { name: 'Español', dir: 'ltr', locale: 'es' },
  'zh-Hans': { name: '简体中文', dir: 'ltr', locale: 'zh-Hans' },
  ar: { name: 'العربية', dir: 'rtl', locale: 'ar' },
};

/** What the agent writes in where it is not asked for another, beside the codes that the window has words for. */
export const AGENT_SPEAKS: Language = 'en';

/** Whether a text names one of our languages. */
export function isLanguage(text: unknown): text is Language {
  return typeof text === 'string' && Object.hasOwn(LANGUAGES, text);
}

/** The first of somebody's languages that we have; English for everybody else. */
export function closest(wanted: readonly string[]): Language {
  const spoken = wanted.map(language);
  const known = (Object.keys(LANGUAGES) as Language[]).map((ours) => ({ ours, language: language(ours) }));
  return spoken.map((theirs) => known.find((one) => one.language === theirs)?.ours).find((found) => found !== undefined) ?? 'en';
}

/** The digits that are usual where somebody's Arabic comes from; Latin where that is not said. */
export function usualDigits(wanted: readonly string[]): Digits {
  const arabic = wanted.find((tag) => language(tag) === 'ar');
  // What Arabic without a country is written with, engines do not agree on.
  if (arabic === undefined || new Intl.Locale(arabic).region === undefined) return 'latn';
  return new Intl.NumberFormat(arabic).resolvedOptions().numberingSystem === 'arab' ? 'arab' : 'latn';
}

/** The tag for `Intl`. */
export function tag(spoken: Language, digits: Digits): string {
  const { locale } = LANGUAGES[spoken];
  return spoken === 'ar' ? `${locale}-u-nu-${digits}` : locale;
}

/** The language without country and script; a tag that is none is nobody's. */
function language(wanted: string): string {
  try {
    return new Intl.Locale(wanted).language;
  } catch {
    return '';
  }
}
