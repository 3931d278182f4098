// Where a text stands in the module of its language: under its name, or, in a build, where `build-tools/short-keys.js` has put it.

/** The places of names that are put together while the window runs; a build fills it. */
export const PLACES: Record<string, number> = {};

/** The place of a text that is asked for by `key`. */
export function place(key: string): string | number {
  return PLACES[key] ?? key;
}
