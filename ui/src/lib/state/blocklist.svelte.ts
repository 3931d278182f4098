// Customers the owner takes no more jobs of, as the page of a job needs to know them. Each is known by a pseudonym that says nothing
// of who it is.

import type { BlockedCustomer } from '$lib/bindings/BlockedCustomer';
import type { RulesPage } from '$lib/bindings/RulesPage';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';

export class Blocklist {
  #list = $state.raw<BlockedCustomer[] | null>(null);
  #busy = $state(false);
  #error = $state.raw<Explained | null>(null);

  /** Whether something is being changed. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** Why the last question or change failed; what was known stays. */
  get error(): Explained | null {
    return this.#error;
  }

  /** Whether no more jobs of a customer are taken; null while that is not known. */
  has(customer: string): boolean | null {
    return this.#list && this.#list.some((blocked) => blocked.customer === customer);
  }

  async load() {
    await this.#take(commands.rules());
  }

  /** No more jobs of the customer of an attempt; what of theirs is here goes on, or is given back. Answers whether that was done. */
  async block(attempt: string, stop: boolean): Promise<boolean> {
    return this.#change(() => commands.block({ attempt, stop }));
  }

  /** Jobs of a customer again. Answers whether that was done. */
  async unblock(customer: string): Promise<boolean> {
    return this.#change(() => commands.unblock({ customer }));
  }

  async #change(ask: () => Promise<RulesPage>): Promise<boolean> {
    if (this.#busy) return false;
    this.#busy = true;
    const done = await this.#take(ask());
    this.#busy = false;
    return done;
  }

  async #take(asked: Promise<RulesPage>): Promise<boolean> {
    try {
      // Rules that nobody understands name nobody, and nothing can be changed in them either.
      this.#list = (await asked).rules?.jobs.blocked ?? null;
      this.#error = null;
      return true;
    } catch (cause) {
      this.#error = explain(controlError(cause));
      return false;
    }
  }
}
