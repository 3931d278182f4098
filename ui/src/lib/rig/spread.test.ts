import { expect, test } from 'vitest';
import { barWords, edgeWords, spread } from './spread';

test('every time is in one bar, however long it took', () => {
  const bars = spread([0, 499, 500, 999, 1_999, 4_999, 5_000, 60_000]);
  expect(bars.map(({ count }) => count)).toEqual([2, 2, 1, 1, 1, 1]);
  expect(bars.at(-1)?.toMs).toBeNull();
});

test('no times are empty bars', () => {
  expect(spread([]).every(({ count }) => count === 0)).toBe(true);
});

test('a bar is read aloud in full, and its edge is short', () => {
  const [first, , , , , last] = spread([100, 20_000]);
  const words = [first, last].map((bar) => bar && `${barWords(bar)} | ${edgeWords(bar)}`.replaceAll('\u00a0', ' '));
  expect(words).toEqual(['0 to 0.5 s: 1 | < 0.5 s', '10 s or more: 1 | 10 s +']);
});
