// In whose way figures are written: one BCP 47 tag for the whole window, such as `ar-u-nu-latn`.

let current = $state('en-GB');

/** The tag that every figure and every date is written by. */
export function locale(): string {
  return current;
}

/** Writes everything in another way from now on; what is on the page follows by itself. */
export function setLocale(tag: string) {
  current = tag;
}
