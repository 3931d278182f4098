import { expect, test } from 'vitest';
import { LINE_MAX, lines, NOTHING, visible, type Line } from './terminal';

const open = (text: string): Line => ({ text, bytes: text.length });
const read = (unfinished: string, piece: string) => {
  const { finished, unfinished: rest } = lines(open(unfinished), piece);
  return { finished: finished.map(({ text }) => text), unfinished: rest.text };
};

test('lines are finished by a line feed', () => {
  expect(read('', 'one\ntwo\nthr')).toEqual({ finished: ['one', 'two'], unfinished: 'thr' });
  expect(read('thr', 'ee\n')).toEqual({ finished: ['three'], unfinished: '' });
});

test('a progress line that rewrites itself takes one line', () => {
  expect(read('', 'frame=1\rframe=2\rframe=3\ndone\n').finished).toEqual(['frame=3', 'done']);
  expect(visible('frame=1\rframe=2\r')).toBe('frame=2');
});

test('a carriage return before a line feed is only a line end', () => {
  expect(read('', 'one\r\ntwo\r\n').finished).toEqual(['one', 'two']);
  expect(read('one\r', '\ntwo').finished).toEqual(['one']);
});

test('colours and titles are not text', () => {
  expect(visible('\u001b[1;32mok\u001b[0m \u001b]0;title\u0007there')).toBe('ok there');
});

test('of a progress line only the last state is kept, until it is overwritten by something', () => {
  expect(read('frame=1\r', 'frame=2\rframe=3\r').unfinished).toBe('frame=3\r');
  expect(visible(read('frame=1\r', '\u001b[0m\r').unfinished)).toBe('frame=1');
  expect(read('', '\r\r\r')).toEqual({ finished: [], unfinished: '\r\r\r' });
});

test('every byte of a log belongs to a line', () => {
  const { finished, unfinished } = lines({ text: '', bytes: 0 }, 'a\rbc\r\né\nrest\rre');
  expect(finished).toEqual([
    { text: 'bc', bytes: 6 },
    { text: 'é', bytes: 3 },
  ]);
  expect(unfinished).toEqual({ text: 're', bytes: 7 });
});

test('five megabytes without a line end are lines that can be drawn', () => {
  const { finished, unfinished } = lines(NOTHING, 'x'.repeat(5_000_000));
  expect(Math.max(...finished.map(({ text }) => text.length))).toBe(LINE_MAX);
  expect(unfinished.text.length).toBeLessThanOrEqual(LINE_MAX);
  expect(finished.reduce((sum, { bytes }) => sum + bytes, unfinished.bytes)).toBe(5_000_000);
});

test('five megabytes of one progress line are one state', () => {
  let all = NOTHING;
  for (let piece = 0; piece < 80; piece += 1) all = lines(all, 'frame\r'.repeat(10_923)).unfinished;
  expect(all).toEqual({ text: 'frame\r', bytes: 80 * 10_923 * 6 });
});

test('a long line is never cut in the middle of a character', () => {
  const { finished } = lines(NOTHING, `${'x'.repeat(LINE_MAX - 1)}😀${'x'.repeat(LINE_MAX)}\n`);
  expect(finished.map(({ text }) => text).join('')).toContain('x😀x');
  expect(finished.every(({ text }) => text.length <= LINE_MAX && text.isWellFormed())).toBe(true);
});
