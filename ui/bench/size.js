// How much JavaScript `npm run build` has made, packed as a server would send it: what a window needs that speaks one language, and all of
// it. One figure per line.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUILD = 'build/_app/immutable';
/** A text that every language says in its own way, by which its module is known. */
const KEY = 'shell_skip';
const SPOKEN = 'en';

/** @param {string} language */
const says = (language) => JSON.parse(readFileSync(`messages/${language}.json`, 'utf8'))[KEY];
const { locales } = JSON.parse(readFileSync('project.inlang/settings.json', 'utf8'));
const others = locales.filter((/** @type {string} */ language) => language !== SPOKEN).map(says);

const files = readdirSync(BUILD, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
const modules = files.map((name) => {
  const code = readFileSync(join(BUILD, name));
  return { bytes: gzipSync(code, { level: 9 }).length, isForeign: others.some((/** @type {string} */ text) => code.includes(text)) };
});
const foreign = modules.filter(({ isForeign }) => isForeign);
if (foreign.length !== others.length) throw new Error(`${foreign.length} modules hold the texts of ${others.length} languages`);

/** @param {{ bytes: number }[]} of */
const kilobytes = (of) => of.reduce((sum, { bytes }) => sum + bytes, 0) / 1000;
const one = modules.filter(({ isForeign }) => !isForeign);
const lines = [
  { id: 'ui.js_kb_gz', value: kilobytes(one), unit: 'kB', note: `gzip -9, every page in one language, ${one.length} modules` },
  { id: 'ui.js_all_kb_gz', value: kilobytes(modules), unit: 'kB', note: `gzip -9, every page in ${locales.length} languages` },
];
for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
