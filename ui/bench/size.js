// How much JavaScript `npm run build` has made, packed as a server would send it: what the first page needs, what a window can load in all that
// speaks one language, and all of it. One figure per line. Of the languages the largest counts.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUILD = 'build';
const MANIFEST = '.svelte-kit/output/client/.vite/manifest.json';
/** What the window loads before its owner has done anything: the program, the frame around every page, the first page, the way to Rust. */
const FIRST = [
  'node_modules/@sveltejs/kit/src/runtime/client/entry.js', '.svelte-kit/generated/client-optimized/app.js', '.svelte-kit/generated/client-optimized/nodes/0.js',
  '.svelte-kit/generated/client-optimized/nodes/2.js', 'src/lib/ipc/tauri.ts',
];

/** @type {Record<string, { file: string, imports?: string[] }>} */
const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8'));
const { locales } = JSON.parse(readFileSync('project.inlang/settings.json', 'utf8'));
const languages = locales.map((/** @type {string} */ language) => entry(`src/lib/messages/gen/messages/${language}.js`).file);
const all = new Set(Object.values(manifest).map(({ file }) => file).filter((file) => file.endsWith('.js')));

/** @param {string} key */
function entry(key) {
  const found = manifest[key];
  if (!found) throw new Error(`the build has no ${key}`);
  return found;
}

/** @param {string} file */
function packed(file) {
  const path = join(BUILD, file);
  if (!existsSync(path)) throw new Error(`${path} is missing: build first`);
  return gzipSync(readFileSync(path), { level: 9 }).length;
}

/**
 * The files of some entries, with all that is loaded along with them.
 * @param {string[]} keys
 */
function withImports(keys) {
  const [files, open, seen] = [new Set(), [...keys], new Set()];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (seen.has(key)) continue;
    seen.add(key);
    const { file, imports = [] } = entry(key);
    files.add(file);
    open.push(...imports);
  }
  return files;
}

/** @param {Iterable<string>} files */
const kilobytes = (files) => [...files].reduce((sum, file) => sum + packed(file), 0) / 1000;
const largest = languages.reduce((one, other) => (packed(one) >= packed(other) ? one : other));
const others = new Set(languages.filter((file) => file !== largest));
const one = [...all].filter((file) => !others.has(file));
const first = new Set([...withImports(FIRST), largest]);
const lines = [
  { id: 'ui.js_kb_gz', value: kilobytes(one), unit: 'kB', note: `gzip -9, every page in the largest of ${languages.length} languages, ${one.length} modules` },
  { id: 'ui.js_first_kb_gz', value: kilobytes(first), unit: 'kB', note: `gzip -9, what the Rig page needs, ${first.size} modules` },
  { id: 'ui.js_all_kb_gz', value: kilobytes(all), unit: 'kB', note: `gzip -9, every page in ${languages.length} languages` },
];
for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
