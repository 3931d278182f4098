// Points in time, in the zone of this PC.

const LOCALE = 'en-GB';
const DAY_MS = 86_400_000;

const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric' });
const full = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'full', timeStyle: 'long' });

/** `14:32`. */
export function timeOfDay(ms: number): string {
  return clock.format(ms);
}

/** Words for days, which belong to the messages. */
export interface DayNames {
  yesterday: string;
}

/** Short, and as exact as the distance deserves: `14:32`, `Yesterday 14:32`, `12 Nov 14:32`, `3 Jan 2025`. */
export function moment(ms: number, nowMs: number, names: DayNames): string {
  const then = new Date(ms);
  const now = new Date(nowMs);
  if (then.toDateString() === now.toDateString()) return timeOfDay(ms);
  if (then.toDateString() === new Date(nowMs - DAY_MS).toDateString()) return `${names.yesterday} ${timeOfDay(ms)}`;
  if (then.getFullYear() === now.getFullYear()) return `${day.format(ms)} ${timeOfDay(ms)}`;
  return dayAndYear.format(ms);
}

/** Everything, with the zone, for the title of a short time. */
export function fullTime(ms: number): string {
  return full.format(ms);
}

/** For the `datetime` attribute. */
export function machineTime(ms: number): string {
  return new Date(ms).toISOString();
}
