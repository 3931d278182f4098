// Which one button the page needs in a phase, and what else can be done.

import type { Phase } from '$lib/bindings/Phase';

/** The button's act. */
export type PrimaryAct = 'start' | 'resume' | 'pause';
/** What the menu beside it offers. */
export type MoreAct = 'snooze' | 'finish' | 'pause';

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
      return { primary: 'pause', more: ['snooze'] };
    case 'preparing':
    case 'working':
    case 'yielding':
    case 'uploading':
      return { primary: 'pause', more: ['snooze', 'finish'] };
  }
}
