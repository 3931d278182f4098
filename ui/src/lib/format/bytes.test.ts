import { expect, test } from 'vitest';
import { bytes, share } from './bytes';

const GIB = 1024 ** 3;
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [24 * GIB, '24 GiB'],
  [3000 * 1024 ** 4, '3000 TiB'],
])('%i bytes read as %s', (size, text) => {
  expect(plain(bytes(size))).toBe(text);
});

test('a share is told in the unit of the whole', () => {
  expect(plain(share(19.2 * GIB, 24 * GIB))).toBe('19.2 / 24 GiB');
  expect(plain(share(0.04 * GIB, 24 * GIB))).toBe('0 / 24 GiB');
});
