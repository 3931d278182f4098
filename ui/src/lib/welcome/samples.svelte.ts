// What a card, or the processor, does while it is measured: one sample for each snapshot, of what its driver tells.

import type { GpuView } from '$lib/bindings/GpuView';
import type { Snapshot } from '$lib/bindings/Snapshot';

/** How many samples are drawn; a snapshot comes about once a second, and a card takes half a minute. */
export const ROOM = 60;

/** What is drawn of a subject. */
export type TraceId = 'power' | 'temperature' | 'load';

/** The card that is measured now; null for the processor. */
export function subject({ phase, rig }: Snapshot): GpuView | null {
  if (phase.kind !== 'benchmarking') return null;
  // Two cards may have one name; a card without a UUID has only that.
  return rig.gpus.find(({ uuid, model }) => (phase.gpu === undefined ? model === phase.what : uuid === phase.gpu)) ?? null;
}

export class Samples {
  #of = '';
  #revision = 0;
  #taken = $state.raw<Partial<Record<TraceId, number[]>>>({});

  /** Of the present subject, those of which anything was told. */
  get traces(): { id: TraceId; values: number[] }[] {
    return (['power', 'temperature', 'load'] as const).flatMap((id) => {
      const values = this.#taken[id];
      return values ? [{ id, values }] : [];
    });
  }

  /** Takes in what a snapshot tells. Another subject begins anew. */
  take(snapshot: Snapshot) {
    if (snapshot.phase.kind !== 'benchmarking' || snapshot.revision === this.#revision) return;
    this.#revision = snapshot.revision;
    const { what, gpu = what } = snapshot.phase;
    if (this.#of !== gpu) this.clear();
    this.#of = gpu;
    const card = subject(snapshot);
    const told: Partial<Record<TraceId, number | null>> = card
      ? { power: card.powerMilliwatts === null ? null : card.powerMilliwatts / 1_000, temperature: card.temperatureC, load: card.loadPercent }
      : { load: snapshot.rig.cpu.loadPercent };
    const next = { ...this.#taken };
    for (const [id, value] of Object.entries(told) as [TraceId, number | null][]) {
      if (value !== null) next[id] = [...(next[id] ?? []), value].slice(-ROOM);
    }
    this.#taken = next;
  }

  clear() {
    this.#taken = {};
  }
}
