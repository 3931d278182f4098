// One thing that is asked of Rust, and where the answer is.

import type { ControlError } from '$lib/bindings/ControlError';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Loading } from './jobs.svelte';

export class Asked<T> {
  #ask: () => Promise<T>;
  #value = $state.raw<T | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<ControlError | null>(null);
  #turn = 0;

  /** Nothing is asked before `load`. */
  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** The last good answer; kept while it is asked again. */
  get value(): T | null {
    return this.#value;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last question had no answer. */
  get error(): Explained | null {
    return this.#error && explain(this.#error);
  }

  /** Asks. */
  load() {
    return this.change(this.#ask);
  }

  /** Asks for something that changes the answer. Answers whether it was done; of two, the later answer counts. */
  async change(act: () => Promise<T>): Promise<boolean> {
    const turn = ++this.#turn;
    this.#loading = 'loading';
    try {
      const value = await act();
      if (turn === this.#turn) [this.#value, this.#loading, this.#error] = [value, 'ready', null];
      return true;
    } catch (cause) {
      if (turn === this.#turn) [this.#loading, this.#error] = ['failed', controlError(cause)];
      return false;
    }
  }
}
