import { expect, test } from 'vitest';
import { watts } from './power';

test('power is told in whole watts', () => {
  expect(watts(318_400)).toEqual({ value: '318', unit: 'W' });
  expect(watts(499).value).toBe('0');
});
