import { expect, test } from 'vitest';
import { spread, tenths } from './spread';

test('every time is in one bar, however long it took', () => {
  const bars = spread([0, 499, 500, 999, 1_999, 4_999, 5_000, 60_000]);
  expect(bars.map(({ count }) => count)).toEqual([2, 2, 1, 1, 1, 1]);
  expect(bars.at(-1)?.toMs).toBeNull();
});

test('no times are empty bars', () => {
  expect(spread([]).every(({ count }) => count === 0)).toBe(true);
});

test('a tenth of a second is told', () => {
  expect(tenths(430)).toBe('0.4\u00a0s');
  expect(tenths(12_960)).toBe('13.0\u00a0s');
});
