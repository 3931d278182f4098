// The week as an owner paints it: 7 days of 24 hours, from Monday, as `rules.toml` has them.

import type { WeekRules } from '$lib/bindings/WeekRules';

/** What an hour is for: `i` work while the owner is away, `a` also while he is here, `-` never. */
export type Hour = 'i' | 'a' | '-';

/** Seven days from Monday, 24 hours each. */
export type Week = readonly (readonly Hour[])[];

/** A field of the grid; days count from Monday, hours from midnight. */
export interface Spot {
  day: number;
  hour: number;
}

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export const HOURS: readonly Hour[] = ['i', 'a', '-'];

const HOURS_A_DAY = 24;
const QUARTER = 6;

/** Reads what the agent tells; it has checked that each day has 24 letters. */
export function parse(rules: WeekRules): Week {
  return DAYS.map((day) => [...rules[day]].filter((letter): letter is Hour => HOURS.includes(letter as Hour)));
}

/** Writes it as people write it by hand: with a bar after each quarter of a day. A day that says the same as before keeps its form. */
export function write(week: Week, before: WeekRules): WeekRules {
  const known = parse(before);
  const day = (number: number) => {
    const hours = week[number] ?? [];
    if (hours.join('') === known[number]?.join('')) return before[DAYS[number] ?? 'mon'];
    const quarters = [0, 1, 2, 3].map((quarter) => hours.slice(quarter * QUARTER, (quarter + 1) * QUARTER).join(''));
    return quarters.join('|');
  };
  const [mon, tue, wed, thu, fri, sat, sun] = DAYS.map((_, number) => day(number)) as [string, string, string, string, string, string, string];
  return { mon, tue, wed, thu, fri, sat, sun };
}

/** Gives every hour of the rectangle between two fields the same meaning. */
export function paint(week: Week, from: Spot, to: Spot, as: Hour): Week {
  const inside = (at: number, one: number, other: number) => at >= Math.min(one, other) && at <= Math.max(one, other);
  return week.map((hours, day) =>
    inside(day, from.day, to.day) ? hours.map((hour, at) => (inside(at, from.hour, to.hour) ? as : hour)) : hours,
  );
}

/** A whole week. */
export function filled(hourOf: (spot: Spot) => Hour): Week {
  return DAYS.map((_, day) => Array.from({ length: HOURS_A_DAY }, (_, hour) => hourOf({ day, hour })));
}

/** Weeks many owners want. */
export const PRESETS = {
  away: filled(() => 'i'),
  nights: filled(({ hour }) => (hour >= 22 || hour < 7 ? 'i' : '-')),
  nightsAndWeekends: filled(({ day, hour }) => (day >= 5 || hour >= 22 || hour < 7 ? 'i' : '-')),
  always: filled(() => 'a'),
} as const;

/** How many hours of the week are for work, of either kind. */
export function hoursOpen(week: Week): number {
  return week.flat().filter((hour) => hour !== '-').length;
}

/** Whether two weeks say the same. */
export function isSame(one: Week, other: Week): boolean {
  return one.flat().join('') === other.flat().join('');
}
