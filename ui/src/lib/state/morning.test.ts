import { expect, test } from 'vitest';
import { nextMorning } from './morning';

test.each([
  ['an evening', '2026-11-23T22:15:00', '2026-11-24T06:00:00'],
  ['the small hours', '2026-11-23T02:00:00', '2026-11-24T06:00:00'],
  ['the last day of a year', '2026-12-31T12:00:00', '2027-01-01T06:00:00'],
  // Clocks go back in this night.
  ['the night with 25 hours', '2026-10-24T22:00:00', '2026-10-25T06:00:00'],
])('%s is followed by the morning of the next day', (_, now, morning) => {
  expect(nextMorning(new Date(now).getTime())).toBe(new Date(morning).getTime());
});

test('a day with 25 hours is 25 hours long', () => {
  const hours = (nextMorning(new Date('2026-10-24T22:00:00').getTime()) - new Date('2026-10-24T22:00:00').getTime()) / 3_600_000;
  expect(hours).toBe(9);
});
