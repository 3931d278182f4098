// What stands in the way of an act, in words.

import { m } from '$lib/messages';
import type { Hindrance } from '$lib/state/virtual-rigs.svelte';

/** A title, and what can be done. */
export function hindranceWords(why: Hindrance): { title: string; help: string } {
  return 'error' in why ? why.error : { title: m[`virtual_code_${why.code}_title`](), help: m[`virtual_code_${why.code}_help`]() };
}
