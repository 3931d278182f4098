// The owner's rigs as the network tells them, page by page. What was told last stays in sight while it is asked again.

import type { FleetPage } from '$lib/bindings/FleetPage';
import type { FleetView } from '$lib/bindings/FleetView';
import * as commands from '$lib/ipc/commands';
import { controlError, explain } from '$lib/ipc/errors';
import { m } from '$lib/messages';
import type { Loading } from './jobs.svelte';

/** How long an answer is waited for: longer than the agent waits for the network. */
const DEADLINE_MS = 25_000;

/** Why there is no list. */
export interface FleetTrouble {
  title: string;
  help: string;
}

export class Fleet {
  #page = $state.raw<FleetPage | null>(null);
  #askedMs = $state(0);
  #loading = $state<Loading>('idle');
  #trouble = $state.raw<(() => FleetTrouble) | null>(null);
  /** After which rig each page begins that leads to the one that is shown; the first page has none. */
  #trail = $state.raw<readonly string[]>([]);
  /** How many rigs stand before the page that is shown. */
  #before = $state.raw<readonly number[]>([]);
  #turn = 0;

  /** The page that was told last; null before the first answer. */
  get page(): FleetPage | null {
    return this.#page;
  }

  /** When that was asked. */
  get askedMs(): number {
    return this.#askedMs;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last question had no list for an answer. Words are asked for when they are shown. */
  get trouble(): FleetTrouble | null {
    return this.#trouble?.() ?? null;
  }

  /** The number of the first rig of the page, from 1. */
  get first(): number {
    return 1 + this.#before.reduce((sum, count) => sum + count, 0);
  }

  get hasBefore(): boolean {
    return this.#trail.length > 0;
  }

  get hasMore(): boolean {
    return this.#page?.next !== undefined;
  }

  /** Asks for the page that is shown, anew. */
  refresh(): Promise<void> {
    return this.#go(this.#trail, this.#before);
  }

  more(): Promise<void> {
    const next = this.#page?.next;
    return next === undefined ? Promise.resolve() : this.#go([...this.#trail, next], [...this.#before, this.#page?.rigs.length ?? 0]);
  }

  back(): Promise<void> {
    return this.#go(this.#trail.slice(0, -1), this.#before.slice(0, -1));
  }

  async #go(trail: readonly string[], before: readonly number[]): Promise<void> {
    const turn = ++this.#turn;
    this.#loading = 'loading';
    const after = trail.at(-1);
    try {
      const view = await withDeadline(commands.fleet(after === undefined ? {} : { after }));
      if (turn === this.#turn) this.#take(view, trail, before);
    } catch (cause) {
      if (turn !== this.#turn) return;
      const error = controlError(cause);
      this.#trouble = () => explain(error);
      this.#loading = 'failed';
    }
  }

  #take({ askedMs, said }: FleetView, trail: readonly string[], before: readonly number[]) {
    if (said.kind !== 'listed') {
      this.#trouble = TROUBLES[said.kind](said.kind === 'refused' ? said.message : '');
      this.#loading = 'failed';
      return;
    }
    [this.#page, this.#askedMs, this.#trail, this.#before] = [said.page, askedMs, trail, before];
    [this.#trouble, this.#loading] = [null, 'ready'];
  }
}

const TROUBLES = {
  silent: () => () => ({ title: m.fleet_silent_title(), help: m.fleet_silent_help() }),
  clock_wrong: () => () => ({ title: m.fleet_clock_title(), help: m.fleet_clock_help() }),
  refused: (message: string) => () => ({ title: m.fleet_refused_title(), help: message }),
} as const;

/** The answer, or that nobody answers in time. */
function withDeadline<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject({ code: 'agent_silent', message: '' }), DEADLINE_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
