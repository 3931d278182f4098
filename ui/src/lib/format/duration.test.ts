import { expect, test } from 'vitest';
import { coarse, countdown, duration, tenths } from './duration';

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

test('a coarse length has no seconds beside minutes', () => {
  expect([40_000, 125_000, 5_430_000].map((ms) => plain(coarse(ms)))).toEqual(['40 s', '2 min', '1 h 30 min']);
});

test('a tenth of a second is told', () => {
  expect(plain(tenths(430))).toBe('0.4 s');
  expect(plain(tenths(12_960))).toBe('13.0 s');
});
