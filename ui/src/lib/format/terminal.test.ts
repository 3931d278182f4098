import { expect, test } from 'vitest';
import { lines, visible } from './terminal';

test('lines are finished by a line feed', () => {
  expect(lines('', 'one\ntwo\nthr')).toEqual({ finished: ['one', 'two'], unfinished: 'thr' });
  expect(lines('thr', 'ee\n')).toEqual({ finished: ['three'], unfinished: '' });
});

test('a progress line that rewrites itself takes one line', () => {
  expect(lines('', 'frame=1\rframe=2\rframe=3\ndone\n').finished).toEqual(['frame=3', 'done']);
  expect(visible('frame=1\rframe=2\r')).toBe('frame=2');
});

test('a carriage return before a line feed is only a line end', () => {
  expect(lines('', 'one\r\ntwo\r\n').finished).toEqual(['one', 'two']);
  expect(lines('one\r', '\ntwo').finished).toEqual(['one']);
});

test('colours and titles are not text', () => {
  expect(visible('\u001b[1;32mok\u001b[0m \u001b]0;title\u0007there')).toBe('ok there');
});
