import { expect, test } from 'vitest';
import { FOUND_MAX, places, step } from './find';

test('a text is found in every part, whatever its case', () => {
  expect(places(['Error: one\nerror', 'no', 'ERROR'], 'error')).toEqual([
    { part: 0, at: 0, length: 5 },
    { part: 0, at: 11, length: 5 },
    { part: 2, at: 0, length: 5 },
  ]);
  expect(places(['anything'], '')).toEqual([]);
});

test('what is typed is a text and no pattern', () => {
  expect(places(['a.b axb [x] (y) 1+1 -/\\'], 'a.b')).toHaveLength(1);
  for (const typed of ['[', '(', '*', '+', '\\', '-', '/', '^$', '{2}']) expect(() => places(['a'], typed)).not.toThrow();
  expect(places(['1+1'], '1+1')).toEqual([{ part: 0, at: 0, length: 3 }]);
});

test('a letter on every line is found only so often', () => {
  expect(places(['aaaa\n'.repeat(5_000)], 'a')).toHaveLength(FOUND_MAX);
});

test('steps go around the ends', () => {
  expect([step(0, 3, true), step(2, 3, true), step(0, 3, false), step(0, 0, true)]).toEqual([1, 0, 2, 0]);
});
