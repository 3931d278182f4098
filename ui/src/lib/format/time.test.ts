import { expect, test } from 'vitest';
import { fullTime, machineTime, moment } from './time';

// The tests run in Tallinn, two hours ahead of UTC in winter.
const now = Date.UTC(2026, 10, 23, 12, 0);

test.each([
  [Date.UTC(2026, 10, 23, 8, 5), '10:05'],
  [Date.UTC(2026, 10, 22, 22, 30), '00:30'],
  [Date.UTC(2026, 10, 22, 8, 5), 'Yesterday 10:05'],
  [Date.UTC(2026, 10, 12, 8, 5), '12 Nov 10:05'],
  [Date.UTC(2025, 0, 3, 8, 5), '3 Jan 2025'],
])('a moment is as exact as its distance deserves: %i', (ms, text) => {
  expect(moment(ms, now)).toBe(text);
});

test('the full time names day, date and zone', () => {
  expect(fullTime(now)).toContain('Monday');
  expect(fullTime(now)).toContain('23 November 2026');
  expect(fullTime(now)).toMatch(/GMT\+2|EET/);
});

test('machines read UTC', () => {
  expect(machineTime(now)).toBe('2026-11-23T12:00:00.000Z');
});
