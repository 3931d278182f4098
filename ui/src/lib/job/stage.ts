// What a stage means at a glance.

import type { JobCard } from '$lib/bindings/JobCard';
import type { Stage } from '$lib/bindings/Stage';
import { t } from '$lib/messages/en';

/** `earning` lights the lamp; `good` and `fault` are over; `quiet` is neither. */
export type Tone = 'earning' | 'busy' | 'good' | 'fault' | 'quiet';

export function tone(stage: Stage): Tone {
  switch (stage) {
    case 'running':
      return 'earning';
    case 'preparing':
    case 'yielding':
    case 'uploading':
      return 'busy';
    case 'succeeded':
      return 'good';
    case 'failed':
    case 'lost':
      return 'fault';
    case 'yielded':
    case 'cancelled':
      return 'quiet';
  }
}

/** Whether nothing more can happen to the job. */
export function isOver(stage: Stage): boolean {
  switch (stage) {
    case 'preparing':
    case 'running':
    case 'yielding':
    case 'uploading':
      return false;
    case 'succeeded':
    case 'failed':
    case 'lost':
    case 'yielded':
    case 'cancelled':
      return true;
  }
}

/** Why the job ended, as a sentence; null where there is nothing to add. */
export function why({ reason, reasonText }: Pick<JobCard, 'reason' | 'reasonText'>): string | null {
  return reasonText ?? (reason && t.reasons[reason]);
}
