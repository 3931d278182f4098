// Points in time, in the zone of this PC.

import { locale } from './locale.svelte';
import { perLocale } from './per-locale';

const clock = perLocale((tag) => new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit' }));
const day = perLocale((tag) => new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'short' }));
const dayAndYear = perLocale((tag) => new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'short', year: 'numeric' }));
const weekdayAndDay = perLocale((tag) => new Intl.DateTimeFormat(tag, { weekday: 'long', day: 'numeric', month: 'long' }));
const month = perLocale((tag) => new Intl.DateTimeFormat(tag, { month: 'short' }));
const monthAndYear = perLocale((tag) => new Intl.DateTimeFormat(tag, { month: 'long', year: 'numeric' }));
const full = perLocale((tag) => new Intl.DateTimeFormat(tag, { dateStyle: 'full', timeStyle: 'long' }));
const relative = perLocale((tag) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto' }));

/** `14:32`, on one line where it has a word for the half of the day. */
export function timeOfDay(ms: number): string {
  return clock().format(ms).replace(/\s/g, '\u00a0');
}

/** Short, and as exact as the distance deserves: `14:32`, `Yesterday 14:32`, `12 Nov 14:32`, `3 Jan 2025`. */
export function moment(ms: number, nowMs: number): string {
  const then = new Date(ms);
  const now = new Date(nowMs);
  if (then.toDateString() === now.toDateString()) return timeOfDay(ms);
  const dayBefore = new Date(nowMs);
  // A day is not always 24 hours long.
  dayBefore.setDate(now.getDate() - 1);
  if (then.toDateString() === dayBefore.toDateString()) return `${yesterday()} ${timeOfDay(ms)}`;
  if (then.getFullYear() === now.getFullYear()) return `${day().format(ms)} ${timeOfDay(ms)}`;
  return dayAndYear().format(ms);
}

/** `12 Nov`. */
export function dayOfYear(ms: number): string {
  return day().format(ms);
}

/** `Thursday 12 November`. */
export function dayInFull(ms: number): string {
  return weekdayAndDay().format(ms);
}

/** `Nov`. */
export function monthShort(ms: number): string {
  return month().format(ms);
}

/** `November 2026`. */
export function monthInFull(ms: number): string {
  return monthAndYear().format(ms);
}

/** Everything, with the zone, for the title of a short time. */
export function fullTime(ms: number): string {
  return full().format(ms);
}

/** `3 Jan 2029`, whatever day it is today: for dates that something is bound to. */
export function fullDay(ms: number): string {
  return dayAndYear().format(ms);
}

/** For the `datetime` attribute. */
export function machineTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** It begins what is written, and `Intl` gives it as it stands within a sentence. */
function yesterday(): string {
  const word = relative().format(-1, 'day');
  return word.charAt(0).toLocaleUpperCase(locale()) + word.slice(1);
}
