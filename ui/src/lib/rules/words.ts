// What hours, and what kept the PC from working, are called.

import type { LostTo } from '$lib/bindings/LostTo';
import { m } from '$lib/messages';
import type { Hour } from './week';

const HOUR_WORDS: Record<Hour, () => string> = { i: m.rules_hour_away, a: m.rules_hour_always, '-': m.rules_hour_never };

/** What an hour is for. */
export function hourWords(hour: Hour): string {
  return HOUR_WORDS[hour]();
}

const LOST_WORDS: Record<LostTo, () => string> = {
  owner_active: m.rules_lost_owner,
  no_idle_probe: m.rules_lost_no_probe,
  schedule: m.rules_lost_schedule,
  remote: m.rules_lost_remote,
  program: m.rules_lost_program,
  fullscreen: m.rules_lost_fullscreen,
  on_battery: m.rules_lost_battery,
  metered: m.rules_lost_metered,
  hot: m.rules_lost_hot,
  busy: m.rules_lost_busy,
  probe_broken: m.rules_lost_probe_broken,
  other: m.rules_lost_other,
};

/** What kept the PC from working. */
export function lostWords(to: LostTo): string {
  return LOST_WORDS[to]();
}
