import { expect, test } from 'vitest';
import { tone, why } from './stage';

test('only a running job earns', () => {
  expect(tone('running')).toBe('earning');
  expect(tone('preparing')).toBe('busy');
  expect(tone('uploading')).toBe('busy');
});

test('giving the PC back is no fault', () => {
  expect(tone('yielded')).toBe('quiet');
  expect(tone('failed')).toBe('fault');
});

test('the detailed reason is preferred to the general one', () => {
  expect(why({ reason: 'exit_code', reasonText: 'It ended with code 3.' })).toBe('It ended with code 3.');
  expect(why({ reason: 'exit_code', reasonText: null })).toBe('The program ended with an error.');
  expect(why({ reason: null, reasonText: null })).toBeNull();
});
