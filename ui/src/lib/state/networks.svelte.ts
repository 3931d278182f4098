// Which network the rig belongs to, and what the owner is told of one before he joins it.

import type { NetworkAnswer } from '$lib/bindings/NetworkAnswer';
import type { NetworkFault } from '$lib/bindings/NetworkFault';
import type { NetworkRequest } from '$lib/bindings/NetworkRequest';
import type { NetworkView } from '$lib/bindings/NetworkView';
import type { OpenedLink } from '$lib/bindings/OpenedLink';
import type { ProfileView } from '$lib/bindings/ProfileView';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import { onLink } from '$lib/ipc/events';
import type { Agent } from './agent.svelte';
import type { Loading } from './jobs.svelte';

/** The longest text a profile is read from, as the agent has it. */
export const PROFILE_BYTES_MAX = 16 * 1024;

/** Why a network is not joined: what the window has words for, and the agent's own. */
export interface Refusal {
  fault: NetworkFault;
  message: string;
}

export class Networks {
  #agent: Agent;
  #here = $state.raw<NetworkView | null>(null);
  #offered = $state.raw<ProfileView | null>(null);
  #refusal = $state.raw<Refusal | null>(null);
  #error = $state.raw<Explained | null>(null);
  #loading = $state<Loading>('idle');
  #asking = $state<'look' | 'join' | null>(null);
  #brought = $state(0);
  /** What is to be looked at, as its owner writes it. */
  text = $state('');

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** The network the rig belongs to; null before the first answer. */
  get here(): NetworkView | null {
    return this.#here;
  }

  /** What would be joined: looked at, signed and good. */
  get offered(): ProfileView | null {
    return this.#offered;
  }

  /** Why the last one was not looked at, or not joined. */
  get refusal(): Refusal | null {
    return this.#refusal;
  }

  /** Why the agent could not be asked. */
  get error(): Explained | null {
    return this.#error;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** What is being asked right now; its button waits. */
  get asking(): 'look' | 'join' | null {
    return this.#asking;
  }

  /** How many links were brought from outside: the latest is shown, whatever way was looked at before. */
  get brought(): number {
    return this.#brought;
  }

  /** Hears of every link that this window is opened with, from the one it was started with on. Answers how to stop. */
  async listen(onbrought: () => void): Promise<() => void> {
    const take = async () => {
      // Where there is no Rust there are no links either.
      const opened = await commands.openedLink().catch(() => null);
      if (!opened) return;
      this.#bring(opened);
      onbrought();
    };
    const stop = await onLink(() => void take());
    await take();
    return stop;
  }

  /** It fills in a field, or is refused; it is looked at when its owner says so. */
  #bring(opened: OpenedLink) {
    this.forget();
    if (opened.kind === 'given') this.text = opened.text;
    else this.#refusal = { fault: opened.fault, message: '' };
    this.#brought += 1;
  }

  async load() {
    this.#loading = 'loading';
    try {
      this.#take(await commands.network({ kind: 'show' }));
      this.#error = null;
      this.#loading = 'ready';
    } catch (cause) {
      this.#error = explain(controlError(cause));
      this.#loading = 'failed';
    }
  }

  /** Has a link, the text of a file, or an address looked at. */
  look(text: string) {
    this.#offered = null;
    return this.#ask('look', { kind: 'look', text: text.trim() });
  }

  /** A file that is longer than any profile is not even read. */
  tooLong() {
    this.#offered = null;
    this.#refusal = { fault: 'too_long', message: '' };
  }

  /** Thinks better of it. */
  forget() {
    this.#offered = null;
    this.#refusal = null;
    this.#error = null;
    this.text = '';
  }

  /** Joins what was looked at. Answers whether that was done. */
  async join(): Promise<boolean> {
    return this.#offered ? this.#begin({ kind: 'join', text: this.#offered.link }) : false;
  }

  practise = () => this.#begin({ kind: 'practise' });
  stopPractising = () => this.#begin({ kind: 'stop_practising' });

  /** The agent begins again for it, and is not gone meanwhile. */
  async #begin(ask: NetworkRequest): Promise<boolean> {
    const done = await this.#ask('join', ask);
    if (done) {
      this.#offered = null;
      this.text = '';
      this.#agent.beginsAgain();
    }
    return done;
  }

  async #ask(what: 'look' | 'join', ask: NetworkRequest): Promise<boolean> {
    if (this.#asking !== null) return false;
    this.#asking = what;
    this.#refusal = null;
    this.#error = null;
    try {
      return this.#take(await commands.network(ask));
    } catch (cause) {
      this.#error = explain(controlError(cause));
      return false;
    } finally {
      this.#asking = null;
    }
  }

  #take(answer: NetworkAnswer): boolean {
    if (answer.kind === 'here') this.#here = answer.network;
    else if (answer.kind === 'offered') this.#offered = answer.profile;
    else this.#refusal = { fault: answer.fault, message: answer.message };
    return answer.kind !== 'refused';
  }
}
