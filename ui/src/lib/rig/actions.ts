// Which one button the page needs in a phase, what else can be done, and what each is called.

import type { Phase } from '$lib/bindings/Phase';
import { duration } from '$lib/format/duration';
import { timeOfDay } from '$lib/format/time';
import { m } from '$lib/messages';
import { SNOOZE_MS } from '$lib/state/agent.svelte';
import { nextMorning } from '$lib/state/morning';

/** The button's act. */
export type PrimaryAct = 'start' | 'resume' | 'pause';
/** What the menu beside it offers. */
export type MoreAct = 'snooze' | 'tomorrow' | 'finish' | 'pause';
/** Everything that an owner may tell his rig. */
export type Act = PrimaryAct | MoreAct;

/** The button for a phase, with its menu. */
export function offers(phase: Phase): { primary: PrimaryAct; more: MoreAct[] } {
  switch (phase.kind) {
    case 'off':
      return { primary: 'start', more: [] };
    case 'paused':
      return { primary: 'resume', more: [] };
    case 'draining':
      return { primary: 'resume', more: ['pause'] };
    case 'checking':
    case 'benchmarking':
    case 'waiting':
    case 'ready':
      return { primary: 'pause', more: ['snooze', 'tomorrow'] };
    case 'preparing':
    case 'working':
    case 'yielding':
    case 'uploading':
      return { primary: 'pause', more: ['snooze', 'tomorrow', 'finish'] };
  }
}

/** What a button says that does it. */
export function actLabel(act: Act, nowMs: number): string {
  switch (act) {
    case 'start':
      return m.action_start();
    case 'resume':
      return m.action_resume();
    case 'pause':
      return m.action_pause();
    case 'snooze':
      return m.action_snooze({ length: duration(SNOOZE_MS) });
    case 'tomorrow':
      return m.action_tomorrow({ at: timeOfDay(nextMorning(nowMs)) });
    case 'finish':
      return m.action_finish();
  }
}

/** What it does, where the label does not say all. */
export function actHint(act: Act): string {
  switch (act) {
    case 'start':
    case 'resume':
      return m.action_start_hint();
    case 'pause':
      return m.action_pause_now_hint();
    case 'snooze':
    case 'tomorrow':
      return m.action_snooze_hint();
    case 'finish':
      return m.action_finish_hint();
  }
}
