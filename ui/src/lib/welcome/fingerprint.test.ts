import { expect, test } from 'vitest';
import { grouped } from './fingerprint';

test('a fingerprint is read in groups, and taken together it is the whole key', () => {
  const key = '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf';
  expect(grouped(key)).toBe('0x7E5F 4552 091A 6912 5d5D fCb7 b8C2 6590 2939 5Bdf');
  expect(grouped(key).replaceAll(' ', '')).toBe(key);
  expect(grouped('')).toBe('');
});
