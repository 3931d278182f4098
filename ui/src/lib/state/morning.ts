// What “until tomorrow” means. The tray's menu means the same.

/** The hour at which a rig that was to rest until tomorrow begins again. Who stays up late has gone to bed, and is not yet up. */
const MORNING_HOUR = 6;

/** Tomorrow's morning by this PC's clock, in milliseconds since 1970. */
export function nextMorning(nowMs: number): number {
  const morning = new Date(nowMs);
  // By the calendar and not by adding a day: one day of the year has 23 hours, and one 25.
  morning.setDate(morning.getDate() + 1);
  return morning.setHours(MORNING_HOUR, 0, 0, 0);
}
