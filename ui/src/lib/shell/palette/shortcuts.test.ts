import { expect, test } from 'vitest';
import { PAGES } from '../pages';
import { isApple, keysOf, meant } from './shortcuts';

const NONE = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const pressed = (key: string, held: Partial<typeof NONE> = {}) => ({ key, ...NONE, ...held });

test('the palette is a key away, with the key that the PC has for such things', () => {
  expect(meant(pressed('k', { ctrlKey: true }), false)).toEqual({ kind: 'palette' });
  expect(meant(pressed('K', { metaKey: true }), true)).toEqual({ kind: 'palette' });
  expect(meant(pressed('k', { ctrlKey: true }), true)).toBeNull();
  expect([isApple('MacIntel'), isApple('Linux x86_64'), isApple('Win32')]).toEqual([true, false, false]);
});

test('what is typed means nothing', () => {
  expect(meant(pressed('k'), false)).toBeNull();
  expect(meant(pressed('1'), false)).toBeNull();
  expect(meant(pressed('k', { ctrlKey: true, shiftKey: true }), false)).toBeNull();
  // AltGr, with which some keyboards write brackets and digits, is Ctrl and Alt together.
  expect(meant(pressed('2', { ctrlKey: true, altKey: true }), false)).toBeNull();
});

test('what is written beside a page leads there', () => {
  for (const { path } of PAGES.flat()) {
    const [, key] = keysOf(path, false) ?? [];
    if (key !== undefined) expect(meant(pressed(key, { ctrlKey: true }), false)).toEqual({ kind: 'page', path });
  }
});
