import { expect, test } from 'vitest';
import { isAt } from './pages';

test.each([
  ['/', '', true],
  ['/', '/', true],
  ['/', '/jobs', false],
  ['/', '/gpu/GPU-1', true],
  ['/jobs', '/jobs', true],
  ['/jobs', '/jobs/0192f3a0', true],
  ['/jobs', '', false],
])('whether the page %s is at “%s”: %s', (path, pathname, is) => {
  expect(isAt({ path }, pathname)).toBe(is);
});
