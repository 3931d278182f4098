// Every text of the window in the language that is spoken now. One language is loaded at a time.

import { isolated } from '$lib/format/bidi';
import { setLocale } from '$lib/format/locale.svelte';
import type { Counted } from '$lib/format/number';
import type * as English from './gen/messages/en';
import { LANGUAGES, tag, type Digits, type Language } from './languages';
import { place } from './place';

type Compiled = typeof English;

/** What a text has places for: `count` chooses the plural, everything else is ready to be read. */
type Places<I> = { [P in keyof I]: P extends 'count' ? Counted : string };
type Text<F> = F extends (places: infer I) => string ? (keyof I extends never ? () => string : (places: Places<I>) => string) : never;

/** A function for each text. */
export type Messages = { readonly [K in keyof Compiled]: Text<Compiled[K]> };

/** A module with a name for each text or, in a build, with a list of them all. */
type Module = Compiled | { default: readonly unknown[] };

const LOAD: Record<Language, () => Promise<Module>> = {
  en: () => import('./gen/messages/en'),
  ar: () => import('./gen/messages/ar'),
  'zh-Hans': () => import('./gen/messages/zh-Hans'),
  es: () => import('./gen/messages/es'),
};

let spoken = $state.raw<{ language: Language; texts: Readonly<Record<string | number, unknown>> } | null>(null);
let turn = 0;

/** The texts. Whatever is drawn from them is drawn again when another language is spoken. */
export const m = new Proxy({} as Messages, {
  get: (_, key: keyof Messages) => (places: Record<string, string | Counted> | undefined) => say(key, places),
});

/** The language that is spoken now. */
export function language(): Language {
  return spoken?.language ?? 'en';
}

/** Speaks another language, as soon as its texts are here. Of two wishes the later one counts. */
export async function speak(wanted: Language, digits: Digits) {
  turn += 1;
  const mine = turn;
  const module = await LOAD[wanted]();
  if (mine !== turn) return;
  spoken = { language: wanted, texts: 'default' in module ? { ...module.default } : module };
  setLocale(tag(wanted, digits));
}

function say(key: keyof Messages, places: Record<string, string | Counted> = {}): string {
  if (!spoken) throw new Error('a language is spoken before the first text is asked for');
  const { dir } = LANGUAGES[spoken.language];
  const put = Object.entries(places).map(([name, text]) => [name, typeof text === 'string' ? isolated(text, dir) : text]);
  const text = spoken.texts[place(key)] as (places: unknown) => string;
  return text(Object.fromEntries(put));
}
