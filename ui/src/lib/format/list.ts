// Several things in one sentence.

import { perLocale } from './per-locale';

const conjunction = perLocale((tag) => new Intl.ListFormat(tag, { type: 'conjunction' }));

/** `one, another and a third`. */
export function list(items: string[]): string {
  return conjunction().format(items);
}
