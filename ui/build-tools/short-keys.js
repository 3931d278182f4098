// Texts are known by long names, which the window would carry twice: in the module of a language, and wherever one is read. In a build the texts
// of a language are a plain list, in the order that all languages share, and `m.shell_skip` is read as `m[2]`. Names that are put together
// while the window runs are looked up in one table, which is there once for all languages.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `m[`stage_${stage}`]` reads all that begin and end so. */
const PUT_TOGETHER = /\bm\[`(\w+)\$\{[^}]+\}(\w*)`\]/g;
/** What stands before each text in a compiled module. */
const DECLARED = /^export const (\w+) = /m;

/**
 * @param {{ texts: string, sources: string }} where the file with every name in its order, and the folder in which they are read
 * @returns {import('vite').Plugin}
 */
export function shortKeys({ texts, sources }) {
  const keys = Object.keys(JSON.parse(readFileSync(texts, 'utf8'))).filter((key) => !key.startsWith('$'));
  const places = new Map(keys.map((key, at) => [key, at]));
  return {
    name: 'headframe-short-keys',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      if (!id.startsWith(sources)) return null;
      if (/\/gen\/messages\/(?!_)[\w-]+\.js$/.test(id)) return { code: asList(code, keys), map: null };
      if (id.endsWith('/messages/place.ts')) return { code: `${code}\n${table(putTogether(keys, everything(sources)), places)}`, map: null };
      return /\.(ts|svelte)$/.test(id) ? { code: numbered(code, places), map: null } : null;
    },
  };
}

/**
 * A compiled module as a list of its texts.
 * @param {string} code
 * @param {string[]} keys
 */
export function asList(code, keys) {
  const [head = '', ...rest] = code.split(DECLARED);
  const names = rest.filter((_, at) => at % 2 === 0);
  if (names.join() !== keys.join()) throw new Error('the texts of a language are not those of English, in the same order');
  const bodies = rest.filter((_, at) => at % 2 === 1).map((body) => body.trim().replace(/;$/, ''));
  return `${head}\nexport default [\n${bodies.join(',\n')}\n];`;
}

/**
 * A source that reads texts by their numbers.
 * @param {string} code
 * @param {Map<string, number>} places
 */
export function numbered(code, places) {
  return code.replace(/\bm\.(\w+)/g, (whole, key) => (places.has(key) ? `m[${places.get(key)}]` : whole));
}

/**
 * Those that may be asked for by a name which is put together.
 * @param {string[]} keys
 * @param {string} source
 */
export function putTogether(keys, source) {
  const patterns = [...source.matchAll(PUT_TOGETHER)].map(([, head, tail]) => new RegExp(`^${head}\\w+${tail}$`));
  return keys.filter((key) => patterns.some((pattern) => pattern.test(key)));
}

/**
 * @param {string[]} keys
 * @param {Map<string, number>} places
 */
function table(keys, places) {
  return `Object.assign(PLACES, ${JSON.stringify(Object.fromEntries(keys.map((key) => [key, places.get(key)])))});`;
}

/** @param {string} folder */
function everything(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|svelte)$/.test(name));
  return names.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
}
