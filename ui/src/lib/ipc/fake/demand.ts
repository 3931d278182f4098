// What an invented network has for an invented rig to do.

import type { DemandView } from '$lib/bindings/DemandView';
import type { MarketPlace } from '$lib/bindings/MarketPlace';
import type { NetworkDemand } from '$lib/bindings/NetworkDemand';
import type { Snapshot } from '$lib/bindings/Snapshot';
import { proofOf } from './cards';

/** What waits in a scene, beyond what follows from the rig. */
export type Queue = Pick<NetworkDemand, 'waiting' | 'fitting' | 'unmet'>;

/** A usual evening: some of it is for this rig. */
export const SOME: Queue = {
  waiting: 38, fitting: 12,
  unmet: [{ requirement: 'vram', jobs: 17, alone: 14 }, { requirement: 'price', jobs: 9, alone: 6 }, { requirement: 'egress', jobs: 4, alone: 3 }],
};

/** Much is wanted, and nothing of it from this rig. */
export const NONE_FITS: Queue = {
  waiting: 7, fitting: 0,
  unmet: [
    { requirement: 'score', jobs: 6, alone: 4 }, { requirement: 'country', jobs: 2, alone: 1 }, { requirement: 'trust', jobs: 1, alone: 0 },
    { requirement: 'memory', jobs: 1, alone: 0 }, { requirement: 'price', jobs: 1, alone: 0 },
  ],
};

/** Much is wanted, and its owner takes none of it. */
export const NONE_TAKEN: Queue = {
  waiting: 9, fitting: 0,
  unmet: [{ requirement: 'unsaved', jobs: 6, alone: 5 }, { requirement: 'content', jobs: 3, alone: 2 }, { requirement: 'unblocked', jobs: 1, alone: 1 }],
};

/** What the network says of the rig as it is. */
export function demandOf(snapshot: Snapshot, queue: Queue, nowMs: number): DemandView {
  if (snapshot.link.kind !== 'connected') return { askedMs: nowMs };
  const card = snapshot.rig.gpus[0];
  const class_ = card ? `nvidia ${String(Math.round(card.vramBytes / 1024 ** 3))} GiB` : 'cpu';
  const fares = { jobs: 212, waitS: 260, lowPerHour: '280000', middlePerHour: '330000', highPerHour: '410000' };
  const place = placeOf(snapshot);
  return {
    askedMs: nowMs,
    network: {
      class: class_, place, more: false, ...queue, cards: snapshot.rig.gpus.map((gpu) => proofOf(gpu, nowMs)),
      standing: { tier: 'good', reliabilityPercent: 99, slow: queue === NONE_FITS },
      ...(queue === NONE_FITS ? {} : { kind: fares }),
      ...(place === 'resting' ? { restsUntilMs: nowMs + 75_000 } : {}),
    },
  };
}

/** Where the network has a rig that is in this phase. */
export function placeOf({ phase }: Snapshot): MarketPlace {
  switch (phase.kind) {
    case 'preparing':
    case 'working':
    case 'uploading':
    case 'yielding':
      return 'full';
    case 'ready':
      return 'open';
    case 'waiting':
      return phase.reasons.some(({ kind }) => kind === 'backing_off') ? 'resting' : 'closed';
    default:
      return 'closed';
  }
}
