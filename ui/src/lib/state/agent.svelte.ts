// The present: the last snapshot, whether anybody sends more, and what the owner can tell the agent.

import type { ControlError } from '$lib/bindings/ControlError';
import type { JobCard } from '$lib/bindings/JobCard';
import type { Present } from '$lib/bindings/Present';
import type { Snapshot } from '$lib/bindings/Snapshot';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, isNobody, type Explained } from '$lib/ipc/errors';
import { onPresent } from '$lib/ipc/events';
import { writeAsPractice } from '$lib/format/practice.svelte';
import { m } from '$lib/messages';
import { nextMorning } from './morning';
import type { Toasts } from './toasts.svelte';

/** What is being asked of the agent right now. */
export type Asking = 'start' | 'pause' | 'finish' | 'measure' | 'start-agent' | null;

/** How long an agent that begins again may be silent: it closes its database and opens it anew. */
const AGAIN_WITHIN_MS = 20_000;

/** How long a snooze is. */
export const SNOOZE_MS = 3_600_000;

export class Agent {
  #snapshot = $state.raw<Snapshot | null>(null);
  #receivedMs = $state(0);
  #gone = $state.raw<ControlError | null>(null);
  #asking = $state<Asking>(null);
  #again = $state(false);
  #againTimer: ReturnType<typeof setTimeout> | undefined;
  #seq = -1;
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
    return this.#again ? null : this.#gone && explain(this.#gone);
  }

  /** Whether the agent was asked to begin again and has not come back yet. */
  get isBeginningAgain(): boolean {
    return this.#again;
  }

  /** What is being asked right now; its button waits. */
  get asking(): Asking {
    return this.#asking;
  }

  /** Jobs on the rig now. Without an agent nobody knows. */
  get working(): JobCard[] {
    return this.#gone ? [] : (this.#snapshot?.working ?? []);
  }

  /** Whether money is being earned this moment: the one thing the lamp shows. Practice earns none. */
  get earning(): boolean {
    return this.#earns.length > 0;
  }

  /** Cards that work for a job this moment, by their UUID. What the driver says of their load is not asked. */
  get litGpus(): string[] {
    return this.#earns.flatMap((job) => job.gpus ?? []);
  }

  /** Whether a job on the rig earns this moment. */
  isEarning(job: JobCard): boolean {
    return this.#earns.some(({ attempt }) => attempt === job.attempt);
  }

  get #earns(): JobCard[] {
    return this.#snapshot?.practice ? [] : this.working.filter((job) => job.stage === 'running');
  }

  /** Listens until the returned function is called. */
  async connect(): Promise<() => void> {
    const end = await onPresent((present) => this.#take(present));
    await this.#look();
    return end;
  }

  start = () => this.#ask('start', commands.start);
  pause = () => this.#ask('pause', () => commands.pause({}));
  snooze = () => this.#ask('pause', () => commands.pause({ minutes: SNOOZE_MS / 60_000 }));
  tomorrow = () => this.#ask('pause', () => commands.pause({ minutes: Math.ceil((nextMorning(Date.now()) - Date.now()) / 60_000) }));
  finish = () => this.#ask('finish', commands.finish);
  measure = () => this.#ask('measure', commands.measure);
  startAgent = () =>
    this.#ask('start-agent', async () => {
      await commands.startAgent();
      await this.#look();
    });

  /** Tells the agent something by its name. Answers whether it was done; if not, the owner has been told why. */
  tell(act: 'start' | 'resume' | 'pause' | 'snooze' | 'tomorrow' | 'finish'): Promise<boolean> {
    return act === 'resume' ? this.start() : this[act]();
  }

  /** The agent ends and begins anew: for a while its silence is no trouble. */
  beginsAgain() {
    this.#again = true;
    clearTimeout(this.#againTimer);
    this.#againTimer = setTimeout(() => (this.#again = false), AGAIN_WITHIN_MS);
  }

  #isBack() {
    clearTimeout(this.#againTimer);
    this.#again = false;
  }

  /** Asks what is known, for the time before anything is told and where an answer puts it in doubt. */
  async #look() {
    this.#take(await commands.present());
  }

  #take({ seq, agent }: Present) {
    // What was told before the last word, and only arrives now, is no longer true.
    if (seq <= this.#seq) return;
    this.#seq = seq;
    if (agent.kind === 'gone') {
      this.#gone = agent.error;
      return;
    }
    // The old one may still speak; only one that comes after none is the new one.
    if (this.#gone !== null) this.#isBack();
    this.#gone = null;
    this.#receivedMs = Date.now();
    this.#snapshot = agent.snapshot;
    writeAsPractice(agent.snapshot.practice ? (amount) => m.network_practice_amount({ amount }) : null);
  }

  async #ask(what: Exclude<Asking, null>, act: () => Promise<unknown>): Promise<boolean> {
    if (this.#asking !== null) return false;
    this.#asking = what;
    try {
      await act();
      return true;
    } catch (cause) {
      const error = controlError(cause);
      // An answer may be late; whether there is an agent is only told in order.
      if (isNobody(error)) await this.#look();
      if (!isNobody(error) || this.#gone === null) this.#toasts.show(explain(error));
      return false;
    } finally {
      this.#asking = null;
    }
  }
}
