// How long something took or will take, in at most two units: `40 s`, `1 min 20 s`, `3 h 5 min`, `2 d 4 h`.

import { perLocale } from './per-locale';
import { quantity, type Unit } from './unit';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const together = perLocale((tag) => new Intl.ListFormat(tag, { type: 'unit', style: 'narrow' }));

/** A length of time that is over, rounded down. Less than nothing is nothing. */
export function duration(ms: number): string {
  const left = Math.max(0, ms);
  if (left < MINUTE) return whole(left, SECOND, 'second');
  if (left < HOUR) return pair(left, MINUTE, 'minute', SECOND, 'second');
  if (left < DAY) return pair(left, HOUR, 'hour', MINUTE, 'minute');
  return pair(left, DAY, 'day', HOUR, 'hour');
}

/** A length of time still to come, rounded up to the second: a countdown never says `0 s` while it waits. */
export function countdown(ms: number): string {
  return duration(Math.ceil(Math.max(0, ms) / SECOND) * SECOND);
}

/** The same without seconds once there are minutes: `40 s`, `2 min`, `1 h 30 min`. */
export function coarse(ms: number): string {
  return duration(ms < MINUTE ? ms : ms - (ms % MINUTE));
}

/** A short time with a tenth of a second: `0.4 s`. */
export function tenths(ms: number): string {
  return quantity(ms / SECOND, 'second', 1);
}

function pair(ms: number, large: number, largeUnit: Unit, small: number, smallUnit: Unit): string {
  const rest = ms % large;
  const head = whole(ms, large, largeUnit);
  return rest < small ? head : together().format([head, whole(rest, small, smallUnit)]);
}

function whole(ms: number, size: number, unit: Unit): string {
  return quantity(Math.floor(ms / size), unit);
}
