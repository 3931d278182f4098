// What is known of graphics cards and processor beyond the present: what drivers say once, and what this PC has measured.

import type { Benchmark } from '$lib/bindings/Benchmark';
import type { CardPage } from '$lib/bindings/CardPage';
import type { CardView } from '$lib/bindings/CardView';
import * as commands from '$lib/ipc/commands';
import { Asked } from './asked.svelte';

export class Cards extends Asked<CardPage> {
  #asking = $state(false);

  constructor() {
    super(() => commands.cards());
  }

  /** Whether a measurement is being asked for now. */
  get isAsking(): boolean {
    return this.#asking;
  }

  /** One of them; absent before the first answer, or if there is none of this name. */
  of(uuid: string): CardView | undefined {
    return this.value?.cards.find(({ gpu }) => gpu === uuid);
  }

  /** What was measured of the processor; absent before the first answer, or the first measurement. */
  get processor(): Benchmark | undefined {
    return this.value?.processor;
  }

  /** Has a card measured again, once the PC is free. */
  async measure(gpu: string) {
    if (this.#asking) return;
    this.#asking = true;
    await this.change(() => commands.measureAgain({ gpu }));
    this.#asking = false;
  }
}
