// That every language says everything the others say, and can count.

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { counted } from '$lib/format/number';
import { language, m, speak } from '.';
import { closest, LANGUAGES, usualDigits, type Language } from './languages';

type Written = string | { declarations: string[]; match: Record<string, string> }[];

const ALL = Object.keys(LANGUAGES) as Language[];
const OTHERS = ALL.filter((one) => one !== 'en');
const texts = (of: Language) => {
  const { $schema, ...all } = JSON.parse(readFileSync(`messages/${of}.json`, 'utf8')) as Record<string, Written>;
  return $schema ? all : {};
};
const english = texts('en');

/** Every form of a text. */
const forms = (text: Written) => (typeof text === 'string' ? [text] : text.flatMap(({ match }) => Object.values(match)));
/** The places of a form, in the order of the alphabet. */
const places = (form: string) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
/** The places of the general form: a form for one or two may say its number in words. */
const general = (text: Written) => places(forms(text).at(-1) ?? '');

afterAll(() => speak('en', 'latn'));

test.each(OTHERS)('%s has every text of English, in the same order, and no other', (of) => {
  expect(Object.keys(texts(of))).toEqual(Object.keys(english));
});

test.each(OTHERS)('%s puts the same things into every text', (of) => {
  for (const [key, text] of Object.entries(texts(of))) {
    expect(general(text), key).toEqual(general(english[key] ?? ''));
    for (const form of forms(text)) expect(general(english[key] ?? ''), key).toEqual(expect.arrayContaining(places(form)));
  }
});

test.each(ALL)('%s counts in every way its speakers do', (of) => {
  const { pluralCategories } = new Intl.PluralRules(of).resolvedOptions();
  for (const [key, text] of Object.entries(texts(of))) {
    if (typeof text === 'string') continue;
    const said = text.flatMap(({ match }) => Object.keys(match)).map((arm) => arm.replace('plural=', ''));
    expect(said.at(-1), key).toBe('*');
    // Spanish has a form of its own for millions, which reads as the general one.
    const needed = pluralCategories.filter((category) => category !== 'other' && !(of === 'es' && category === 'many'));
    expect(said.slice(0, -1).sort(), key).toEqual(needed.sort());
  }
});

test.each(OTHERS)('%s translates whatever is not a name', (of) => {
  const same = Object.entries(texts(of)).filter(([key, text]) => typeof text === 'string' && text === english[key] && /\p{L}{2}/u.test(text.replace(/\{\w+\}/g, '')));
  const names = ['fleet_column_fu', 'unit_mebibytes', 'unit_kibibytes_per_second', 'unit_dollars_per_kwh', 'shell_name', 'shell_page_title', 'rig_vram', 'rig_fu'];
  expect(same.map(([key]) => key).filter((key) => !names.includes(key))).toEqual([]);
});

test('every text is read somewhere', () => {
  const sources = import.meta.glob<string>(['/src/**/*.{ts,svelte}', '!/src/**/*.test.ts', '!/src/lib/messages/gen/**'], { query: '?raw', import: 'default', eager: true });
  const all = Object.values(sources).join('\n');
  // `m[`stage_${stage}`]` reads all that begin and end so.
  const patterns = [...all.matchAll(/\bm\[`(\w+)\$\{[^}]+\}(\w*)`\]/g)].map(([, head, tail]) => new RegExp(`^${head}\\w+${tail}$`));
  const unread = Object.keys(english).filter((key) => !new RegExp(`\\bm\\.${key}\\b`).test(all) && !patterns.some((pattern) => pattern.test(key)));
  expect(unread).toEqual([]);
});

describe('speaking', () => {
  test.each<[Language, number, string]>([
    ['en', 1, '1 job shown'], ['en', 1001, '1,001 jobs shown'],
    ['es', 1, '1 trabajo en la lista'], ['es', 2, '2 trabajos en la lista'],
    ['zh-Hans', 1001, '显示1,001个任务'],
    ['ar', 0, 'لا مهام معروضة'], ['ar', 1, 'مهمة واحدة معروضة'], ['ar', 2, 'مهمتان معروضتان'], ['ar', 3, '3 مهام معروضة'],
    ['ar', 11, '11 مهمةً معروضة'], ['ar', 100, '100 مهمة معروضة'],
  ])('%s counts %i', async (of, count, text) => {
    await speak(of, 'latn');
    expect(m.jobs_shown({ count: counted(count) })).toBe(text);
  });

  test('Arabic is written with the digits that were chosen', async () => {
    await speak('ar', 'arab');
    expect(m.jobs_shown({ count: counted(1003) })).toBe('١٬٠٠٣ مهام معروضة');
  });

  test('what is put into an Arabic sentence keeps its own direction', async () => {
    await speak('ar', 'latn');
    expect(m.waiting_program_short({ name: 'factorio' })).toBe('\u2068factorio\u2069 قيد التشغيل');
  });

  test('of two wishes the later one counts', async () => {
    await Promise.all([speak('es', 'latn'), speak('zh-Hans', 'latn')]);
    expect(language()).toBe('zh-Hans');
    expect(m.shell_jobs()).toBe('任务');
  });
});

test.each<[string[], Language]>([
  [['de-DE', 'es-MX', 'en-US'], 'es'],
  [['zh-CN'], 'zh-Hans'],
  [['ar-EG'], 'ar'],
  [['de-DE'], 'en'],
  [['not a tag', 'ar'], 'ar'],
  [[], 'en'],
])('who reads %j is spoken to in %s', (wanted, spoken) => {
  expect(closest(wanted)).toBe(spoken);
});

test('the digits are those of the country, where one is named', () => {
  expect(usualDigits(['ar-EG'])).toBe('arab');
  expect(usualDigits(['ar-MA'])).toBe('latn');
  expect(usualDigits(['en-GB', 'ar'])).toBe('latn');
  expect(usualDigits(['en-GB'])).toBe('latn');
});
