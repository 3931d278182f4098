// Whether this PC can be a rig, looked at whenever the owner asks.

import type { Checkup } from '$lib/bindings/Checkup';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Loading } from './jobs.svelte';

export class CheckupLook {
  #found = $state.raw<Checkup | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<Explained | null>(null);

  /** What was found last; null before the first look. */
  get found(): Checkup | null {
    return this.#found;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last look failed; what was found before stays. */
  get error(): Explained | null {
    return this.#error;
  }

  /** Whether no job can run at all until something is mended. */
  get lacksEngine(): boolean {
    return this.#found?.checks.some(({ id, verdict }) => id === 'engine' && verdict === 'fail') ?? false;
  }

  async look() {
    if (this.#loading === 'loading') return;
    this.#loading = 'loading';
    try {
      this.#found = await commands.doctor();
      this.#error = null;
      this.#loading = 'ready';
    } catch (cause) {
      this.#error = explain(controlError(cause));
      this.#loading = 'failed';
    }
  }
}
