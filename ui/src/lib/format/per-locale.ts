// What `Intl` makes for one locale, kept for all that is written by it.

import { locale } from './locale.svelte';

/** One formatter for each locale: to make one takes longer than to use it a hundred times. */
export function perLocale<T>(make: (tag: string) => T): () => T {
  const made = new Map<string, T>();
  return () => {
    const tag = locale();
    const known = made.get(tag) ?? make(tag);
    made.set(tag, known);
    return known;
  };
}
