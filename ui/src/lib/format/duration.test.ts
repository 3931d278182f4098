import { expect, test } from 'vitest';
import { countdown, duration, roughly } from './duration';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test.each([
  [0, '0 s'],
  [-5_000, '0 s'],
  [999, '0 s'],
  [40_000, '40 s'],
  [60_000, '1 min'],
  [80_000, '1 min 20 s'],
  [3_600_000, '1 h'],
  [3_660_000, '1 h 1 min'],
  [86_400_000, '1 d'],
  [187_200_000, '2 d 4 h'],
])('%i ms read as %s', (ms, text) => {
  expect(plain(duration(ms))).toBe(text);
});

test('a countdown rounds up until it is over', () => {
  expect(plain(countdown(1))).toBe('1 s');
  expect(plain(countdown(59_001))).toBe('1 min');
  expect(plain(countdown(0))).toBe('0 s');
});

test('a rough length has one unit', () => {
  expect(plain(roughly(80_000))).toBe('1 min');
  expect(plain(roughly(7_300_000))).toBe('2 h');
  expect(plain(roughly(200_000_000))).toBe('2 d');
});
