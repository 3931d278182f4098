import { expect, test } from 'vitest';
import { watts } from './power';

test('power is told in whole watts', () => {
  expect(watts(318_400)).toBe('318');
  expect(watts(499)).toBe('0');
});
