import { expect, test } from 'vitest';
import { pieces } from './coded';

/** Code in brackets, so that a test can be read. */
const shown = (text: string) => pieces(text).map(({ text, isCode }) => (isCode ? `[${text}]` : text));

test.each<[string, string[]]>([
  ['', []],
  ['nothing to type', ['nothing to type']],
  ['`chmod 700 /d`', ['[chmod 700 /d]']],
  ['set `limits.disk_gib` in agent.toml', ['set ', '[limits.disk_gib]', ' in agent.toml']],
  ['use `a` or `b`', ['use ', '[a]', ' or ', '[b]']],
  ['`a``b`', ['[a]', '[b]']],
  ['it`s `a`', ['it', '[s ]', 'a`']],
  ['`a` and ` more', ['[a]', ' and ` more']],
  ['`', ['`']],
  ['``', ['``']],
  ['two `` beside one another', ['two `` beside one another']],
  ['اكتب `wsl --shutdown`، ثم انتظر', ['اكتب ', '[wsl --shutdown]', '، ثم انتظر']],
])('%j is shown as %j', (text, expected) => {
  expect(shown(text)).toEqual(expected);
});

test('nothing is lost but the backticks that were used', () => {
  const text = 'write `autoMemoryReclaim=gradual` under `[experimental]` in .wslconfig, then ` run `wsl --shutdown`';
  const back = pieces(text).map(({ text, isCode }) => (isCode ? `\`${text}\`` : text));
  expect(back.join('')).toBe(text);
});
