// Days of the week and hours of the day by their names, whatever the date.

import { perLocale } from './per-locale';

/** 1 January 2024, a Monday, in UTC. */
const MONDAY_MS = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const long = perLocale((tag) => new Intl.DateTimeFormat(tag, { weekday: 'long', timeZone: 'UTC' }));
const short = perLocale((tag) => new Intl.DateTimeFormat(tag, { weekday: 'short', timeZone: 'UTC' }));
const clock = perLocale((tag) => new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'UTC' }));
const dayEnd = perLocale((tag) => new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit', hourCycle: 'h24', timeZone: 'UTC' }));

/** `Monday`, counted from Monday as 0. */
export function dayName(day: number): string {
  return long().format(MONDAY_MS + day * DAY_MS);
}

/** `Mon`. */
export function dayShort(day: number): string {
  return short().format(MONDAY_MS + day * DAY_MS);
}

/** `06:00`; the grid of a week has no room for anything longer, and no language misreads it. */
export function hourName(hour: number): string {
  return clock().format(MONDAY_MS + (hour % 24) * HOUR_MS);
}

/** `24:00`: the hour at which a day ends, where one that begins is `00:00`. */
export function endName(hour: number): string {
  return hour % 24 === 0 ? dayEnd().format(MONDAY_MS) : hourName(hour);
}

/** The day of the week of a date such as `2026-11-23`. */
export function weekdayOf(date: string): string {
  return short().format(Date.parse(`${date}T00:00:00Z`));
}
