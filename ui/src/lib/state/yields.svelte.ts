// How quickly the PC was given back, each time.

import type { ControlError } from '$lib/bindings/ControlError';
import type { Yields } from '$lib/bindings/Yields';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Loading } from './jobs.svelte';

export class YieldHistory {
  #known = $state.raw<Yields | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<ControlError | null>(null);

  /** All of them; null before the first answer. */
  get known(): Yields | null {
    return this.#known;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last load failed; what was loaded before stays. */
  get error(): Explained | null {
    return this.#error && explain(this.#error);
  }

  async refresh() {
    this.#loading = 'loading';
    try {
      this.#known = await commands.yields();
      this.#error = null;
      this.#loading = 'ready';
    } catch (cause) {
      this.#error = controlError(cause);
      this.#loading = 'failed';
    }
  }
}
