// How long something took or will take, in at most two units: `40 s`, `1 min 20 s`, `3 h 5 min`, `2 d 4 h`.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time that is over, rounded down. Less than nothing is nothing. */
export function duration(ms: number): string {
  const left = Math.max(0, ms);
  if (left < MINUTE) return unit(left, SECOND, 's');
  if (left < HOUR) return pair(left, MINUTE, 'min', SECOND, 's');
  if (left < DAY) return pair(left, HOUR, 'h', MINUTE, 'min');
  return pair(left, DAY, 'd', HOUR, 'h');
}

/** A length of time still to come, rounded up to the second: a countdown never says `0 s` while it waits. */
export function countdown(ms: number): string {
  return duration(Math.ceil(Math.max(0, ms) / SECOND) * SECOND);
}

/** The same without seconds once there are minutes: `40 s`, `2 min`, `1 h 30 min`. */
export function coarse(ms: number): string {
  return duration(ms < MINUTE ? ms : ms - (ms % MINUTE));
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  const head = unit(ms, large, largeName);
  return rest === 0 ? head : `${head} ${rest}\u00a0${smallName}`;
}

function unit(ms: number, size: number, name: string): string {
  return `${Math.floor(ms / size)}\u00a0${name}`;
}
