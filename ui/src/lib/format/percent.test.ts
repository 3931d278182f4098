import { expect, test } from 'vitest';
import { percent } from './percent';

test('what is not finished does not read as finished', () => {
  expect(percent(999)).toBe('99');
  expect(percent(1000)).toBe('100');
  expect(percent(0)).toBe('0');
});
