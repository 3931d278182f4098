// Why the rig earns, or does not: what its own agent says first, then what the network says.

import type { NetworkDemand } from '$lib/bindings/NetworkDemand';
import type { StandingView } from '$lib/bindings/StandingView';
import type { Snapshot } from '$lib/bindings/Snapshot';
import type { Unmet } from '$lib/bindings/Unmet';
import { list } from '$lib/format/list';
import { counted, number } from '$lib/format/number';
import { timeOfDay } from '$lib/format/time';
import { m } from '$lib/messages';
import { tierWords } from '$lib/state/tiers';
import { short } from './headline';

/** What the rig itself has to say about it; nothing if it only waits for a job. */
export function ownWords({ phase, working }: Snapshot): string | null {
  switch (phase.kind) {
    case 'off':
      return m.demand_off();
    case 'checking':
    case 'benchmarking':
      return m.demand_looking();
    case 'waiting':
      return m.demand_waits({ reasons: list(phase.reasons.map(short)) });
    case 'ready':
      return null;
    case 'preparing':
      return m.headline_preparing_detail();
    case 'uploading':
      return m.headline_uploading_detail();
    case 'working':
      return m.demand_works({ count: counted(Math.max(1, working.length)) });
    case 'yielding':
      return m.demand_yielding();
    case 'draining':
      return m.demand_draining();
    case 'paused':
      return m.demand_paused();
  }
}

/** What the network has to say about it. */
export function networkWords(said: NetworkDemand): string {
  switch (said.place) {
    case 'open':
    case 'full':
    case 'closed':
      return queueWords(said);
    case 'resting':
      return said.restsUntilMs === undefined ? m.demand_resting_soon() : m.demand_resting({ at: timeOfDay(said.restsUntilMs) });
    case 'kept_free':
      return m.demand_kept_free();
    case 'challenged':
      return m.demand_challenged();
    case 'stopped':
      return m.demand_stopped();
    case 'quarantined':
      return m.demand_quarantined();
    case 'absent':
      return m.demand_absent();
  }
}

/** What of the queue is for this rig. */
function queueWords(said: NetworkDemand): string {
  if (said.waiting === 0) return m.demand_nothing();
  if (said.fitting > 0) return m.demand_fits({ count: counted(said.fitting) });
  const none = m.demand_none_fits({ count: counted(said.waiting) });
  const [most] = said.unmet;
  return most ? m.shell_sentences({ first: none, second: m.demand_most({ need: needWords(most, said) }) }) : none;
}

/** How the rig stands. */
export function standingWords({ tier, reliabilityPercent }: StandingView): string {
  return m.demand_standing({ tier: tierWords(tier), kept: number(reliabilityPercent), hundred: number(100) });
}

/** A requirement, as the end of a sentence or a row of a list. */
export function needWords({ requirement }: Pick<Unmet, 'requirement'>, said: Pick<NetworkDemand, 'cards'>): string {
  if (requirement === 'score' && said.cards.every(({ fu }) => fu === undefined)) return m.demand_need_score_unproved();
  return m[`demand_need_${requirement}`]();
}

const MAKERS: Record<string, string> = { nvidia: 'NVIDIA', amd: 'AMD', intel: 'Intel', apple: 'Apple' };

/** What the network calls the kind, for people: `NVIDIA 24 GiB`. */
export function kindName(name: string): string {
  const [maker = '', ...rest] = name.split(' ');
  return name === 'cpu' ? m.demand_kind_cpu() : [MAKERS[maker] ?? maker, ...rest].join('\u00a0');
}
