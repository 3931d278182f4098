// The present: the last snapshot, whether anybody sends more, and what the owner can tell the agent.

import type { ControlError } from '$lib/bindings/ControlError';
import type { JobCard } from '$lib/bindings/JobCard';
import type { Snapshot } from '$lib/bindings/Snapshot';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import { onAgentGone, onSnapshot } from '$lib/ipc/events';
import type { Toasts } from './toasts.svelte';

/** What is being asked of the agent right now. */
export type Asking = 'start' | 'pause' | 'finish' | 'start-agent' | null;

const SNOOZE_MINUTES = 60;

export class Agent {
  #snapshot = $state.raw<Snapshot | null>(null);
  #receivedMs = $state(0);
  #gone = $state.raw<ControlError | null>(null);
  #asking = $state<Asking>(null);
  #toasts: Toasts;

  constructor(toasts: Toasts) {
    this.#toasts = toasts;
  }

  /** The last snapshot; kept when the agent goes, so that the rig can still be drawn. */
  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** When the last snapshot arrived, by this PC's clock. */
  get receivedMs(): number {
    return this.#receivedMs;
  }

  /** Why nobody answers; absent while somebody does. */
  get gone(): Explained | null {
    return this.#gone && explain(this.#gone);
  }

  /** What is being asked right now; its button waits. */
  get asking(): Asking {
    return this.#asking;
  }

  /** Jobs on the rig now. Without an agent nobody knows. */
  get working(): JobCard[] {
    return this.#gone ? [] : (this.#snapshot?.working ?? []);
  }

  /** Whether money is being earned this moment: the one thing the lamp shows. */
  get earning(): boolean {
    return this.working.some((job) => job.stage === 'running');
  }

  /** Listens until the returned function is called. */
  async connect(): Promise<() => void> {
    const endings = await Promise.all([onSnapshot((next) => this.#take(next)), onAgentGone((error) => this.#lose(error))]);
    await this.#look();
    return () => endings.forEach((end) => end());
  }

  start = () => this.#ask('start', commands.start);
  pause = () => this.#ask('pause', () => commands.pause({}));
  snooze = () => this.#ask('pause', () => commands.pause({ minutes: SNOOZE_MINUTES }));
  finish = () => this.#ask('finish', commands.finish);
  startAgent = () =>
    this.#ask('start-agent', async () => {
      await commands.startAgent();
      await this.#look();
    });

  /** Asks for the snapshot once, for the time before the first one is pushed. */
  async #look() {
    try {
      this.#take(await commands.snapshot());
    } catch (cause) {
      this.#lose(controlError(cause));
    }
  }

  #take(next: Snapshot) {
    // A new agent counts from the beginning; within one life an older snapshot has been overtaken.
    const newLife = this.#gone !== null || this.#snapshot === null;
    if (!newLife && next.revision <= (this.#snapshot?.revision ?? -1)) return;
    this.#gone = null;
    this.#receivedMs = Date.now();
    this.#snapshot = next;
  }

  #lose(error: ControlError) {
    this.#gone = error;
  }

  async #ask(what: Exclude<Asking, null>, act: () => Promise<unknown>) {
    if (this.#asking !== null) return;
    this.#asking = what;
    try {
      await act();
    } catch (cause) {
      const error = controlError(cause);
      if (error.code === 'agent_gone') this.#lose(error);
      else this.#toasts.show(explain(error));
    } finally {
      this.#asking = null;
    }
  }
}
