// What is known of graphics cards and processor beyond the present: what drivers say once, and what this PC has measured.

import type { Benchmark } from '$lib/bindings/Benchmark';
import type { CardPage } from '$lib/bindings/CardPage';
import type { CardView } from '$lib/bindings/CardView';
import type { ControlError } from '$lib/bindings/ControlError';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Loading } from './jobs.svelte';

export class Cards {
  #page = $state.raw<CardPage | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<ControlError | null>(null);
  #asking = $state(false);
  #turn = 0;

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last question was not answered; what was said before stays. */
  get error(): Explained | null {
    return this.#error && explain(this.#error);
  }

  /** Whether a measurement is being asked for now. */
  get isAsking(): boolean {
    return this.#asking;
  }

  /** One of them; absent before the first answer, or if there is none of this name. */
  of(uuid: string): CardView | undefined {
    return this.#page?.cards.find(({ gpu }) => gpu === uuid);
  }

  /** What was measured of the processor; absent before the first answer, or the first measurement. */
  get processor(): Benchmark | undefined {
    return this.#page?.processor;
  }

  async refresh() {
    this.#loading = 'loading';
    await this.#take(commands.cards());
  }

  /** Has a card measured again, once the PC is free. */
  async measure(gpu: string) {
    if (this.#asking) return;
    this.#asking = true;
    await this.#take(commands.measureAgain({ gpu }));
    this.#asking = false;
  }

  /** Of several answers that of the last question counts, in whatever order they come. */
  async #take(asked: Promise<CardPage>) {
    const turn = ++this.#turn;
    try {
      const page = await asked;
      if (turn === this.#turn) [this.#page, this.#error, this.#loading] = [page, null, 'ready'];
    } catch (cause) {
      if (turn === this.#turn) [this.#error, this.#loading] = [controlError(cause), 'failed'];
    }
  }
}
