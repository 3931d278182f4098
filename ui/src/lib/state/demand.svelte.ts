// What the network has for the rig to do. The agent keeps each answer for a minute, so asking costs nobody much.

import type { ControlError } from '$lib/bindings/ControlError';
import type { CardProof } from '$lib/bindings/CardProof';
import type { DemandView } from '$lib/bindings/DemandView';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Loading } from './jobs.svelte';

export class Demand {
  #known = $state.raw<DemandView | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<ControlError | null>(null);

  /** What was said last; null before the first answer. */
  get known(): DemandView | null {
    return this.#known;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last question was not answered; what was said before stays. */
  get error(): Explained | null {
    return this.#error && explain(this.#error);
  }

  /** What a card has proved; absent while the network has not said. */
  proofOf(uuid: string): CardProof | undefined {
    return this.#known?.network?.cards.find(({ gpu }) => gpu === uuid);
  }

  async refresh() {
    this.#loading = 'loading';
    try {
      this.#known = await commands.demand();
      this.#error = null;
      this.#loading = 'ready';
    } catch (cause) {
      this.#error = controlError(cause);
      this.#loading = 'failed';
    }
  }
}
