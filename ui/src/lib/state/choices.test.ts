import { expect, test } from 'vitest';
import { DEFAULTS, read, write, type Choices } from './choices';

/** A storage that holds one text, whatever its key. */
function holding(text: string | null) {
  return { getItem: () => text, setItem: (_: string, next: string) => void (text = next) } as unknown as Storage;
}

test('what is kept is read again', () => {
  const storage = holding(null);
  const choices: Choices = { language: 'zh-Hans', digits: 'arab', theme: 'light', motion: 'still' };
  expect(write(storage, choices)).toBe(true);
  expect(read(storage)).toEqual(choices);
});

test.each([
  ['nothing', null],
  ['no JSON', '{"version":1,'],
  ['no object', '[1]'],
  ['another version', '{"version":2,"theme":"light"}'],
])('%s is as if nothing was chosen', (_, text) => {
  expect(read(holding(text))).toEqual(DEFAULTS);
});

test('what is no longer offered does not take the rest with it', () => {
  const text = '{"version":1,"language":"tlh","digits":"roman","theme":"light","motion":7}';
  expect(read(holding(text))).toEqual({ ...DEFAULTS, theme: 'light' });
});

test('a storage that refuses is no crash', () => {
  const refuse = () => {
    throw new DOMException('full', 'QuotaExceededError');
  };
  const storage = { getItem: refuse, setItem: refuse } as unknown as Storage;
  expect(read(storage)).toEqual(DEFAULTS);
  expect(write(storage, DEFAULTS)).toBe(false);
});
