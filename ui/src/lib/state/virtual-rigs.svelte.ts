// Shares of other people's machines: what there is, and what may be done with it. A claim key passes through and is not kept.

import type { ControlError } from '$lib/bindings/ControlError';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Holdings, Machine, Risk, VirtualAct, VirtualAnswer, VirtualCode, VirtualDraft, VirtualRequest } from '$lib/ipc/virtual';
import type { Loading } from './jobs.svelte';

export type { Holdings, Machine, Pool, Risk, Scenario, VirtualAct, VirtualCode, VirtualDraft, VirtualRig } from '$lib/ipc/virtual';

/** What stands in the way of an act: the network's code, or nobody to ask. */
export type Hindrance = { code: VirtualCode } | { error: Explained };

export class VirtualRigs {
  #holdings = $state.raw<Holdings | null>(null);
  #offered = $state<boolean | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<ControlError | null>(null);

  /** What there is; null before the first answer, and where nothing is offered. */
  get holdings(): Holdings | null {
    return this.#holdings;
  }

  /** Whether this network offers them at all; null before the first answer. */
  get offered(): boolean | null {
    return this.#offered;
  }

  get loading(): Loading {
    return this.#loading;
  }

  get error(): Explained | null {
    return this.#error && explain(this.#error);
  }

  async load() {
    this.#loading = 'loading';
    try {
      this.#take(await commands.virtual({ kind: 'show' }));
      this.#error = null;
      this.#loading = 'ready';
    } catch (cause) {
      this.#error = controlError(cause);
      this.#loading = 'failed';
    }
  }

  /** Has an act looked up: what it costs, what it could come to, what is to be understood. */
  async prepare(act: VirtualAct): Promise<VirtualDraft | Hindrance> {
    const answer = await this.#ask({ kind: 'prepare', act });
    return answer.kind === 'prepared' ? answer.draft : hindrance(answer);
  }

  /** Does what was prepared. Answers what stands in the way, if anything does. */
  async agree(draft: VirtualDraft, understood: Risk[]): Promise<Hindrance | null> {
    const answer = await this.#ask({ kind: 'agree', draft: draft.id, understood });
    return answer.kind === 'agreed' ? null : hindrance(answer);
  }

  /** Binds a machine that came in a box to its owner. */
  async activate(serial: string, claimKey: string): Promise<Machine | Hindrance> {
    const answer = await this.#ask({ kind: 'activate', serial, claimKey });
    return answer.kind === 'activated' ? answer.machine : hindrance(answer);
  }

  async #ask(request: VirtualRequest): Promise<VirtualAnswer | { kind: 'error'; error: Explained }> {
    try {
      const answer = await commands.virtual(request);
      this.#take(answer);
      return answer;
    } catch (cause) {
      return { kind: 'error', error: explain(controlError(cause)) };
    }
  }

  #take(answer: VirtualAnswer) {
    if (answer.kind === 'not_offered') [this.#offered, this.#holdings] = [false, null];
    else this.#offered = true;
    if ('holdings' in answer) this.#holdings = answer.holdings;
  }
}

/** Why it was not done. */
function hindrance(answer: VirtualAnswer | { kind: 'error'; error: Explained }): Hindrance {
  if (answer.kind === 'error') return { error: answer.error };
  if (answer.kind === 'refused') return { code: answer.code };
  return { error: explain(controlError(null)) };
}
