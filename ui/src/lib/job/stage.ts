// What a stage means at a glance.

import type { JobCard } from '$lib/bindings/JobCard';
import type { Stage } from '$lib/bindings/Stage';
import { language, m } from '$lib/messages';
import { AGENT_SPEAKS } from '$lib/messages/languages';

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

type Ended = Pick<JobCard, 'reason' | 'reasonText'>;

/** Why the job ended, as a sentence; null where there is nothing to add. The agent says it in more detail, and in one language. */
export function why({ reason, reasonText }: Ended): string | null {
  const ours = reason && m[`reason_${reason}`]();
  return language() === AGENT_SPEAKS ? (reasonText ?? ours) : (ours ?? reasonText);
}

/** What the agent said of the end, where the window says it in another language and with less detail. */
export function detailOf({ reason, reasonText }: Ended): string | null {
  return language() === AGENT_SPEAKS || reason === null ? null : reasonText;
}
