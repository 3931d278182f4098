// The past: jobs newest first, page by page, with those of the present laid over.

import type { ControlError } from '$lib/bindings/ControlError';
import type { JobCard } from '$lib/bindings/JobCard';
import type { AttemptId } from '$lib/ipc/brand';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Agent } from './agent.svelte';
import { Turns } from './turns';

/** A screenful and a little; “Show older” fetches the next. */
const PAGE = 50;
/** The largest page the agent gives, for a search that must look far back. */
const PAGE_MAX = 100;
/** A search gives up after 2,000 jobs: whoever needs older ones comes through the list. */
const SEARCH_PAGES_MAX = 20;

/** Where a list or a piece of it is. */
export type Loading = 'idle' | 'loading' | 'ready' | 'failed';

export class Jobs {
  #agent: Agent;
  #known = $state.raw<JobCard[]>([]);
  #next = $state<string | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<ControlError | null>(null);
  #turns = new Turns();

  /**
   * Changes whenever the history does, and with the agent, who counts from the beginning: the moment to refresh. Derived, so that whoever
   * follows it is not called at every snapshot.
   */
  readonly turn = $derived.by(() => `${this.#agent.snapshot?.history ?? 0}|${this.#agent.gone === null}`);

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** Everything loaded so far, newest first, as it is this moment. */
  get list(): JobCard[] {
    const present = this.#agent.working;
    return [...without(present, this.#known), ...this.#known.map((job) => same(present, job) ?? job)];
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last load failed; what was loaded before stays. */
  get error(): Explained | null {
    return this.#error && explain(this.#error);
  }

  get hasOlder(): boolean {
    return this.#next !== null;
  }

  /** Fetches the newest page and keeps what was loaded before it. */
  async refresh() {
    // What is shown stays meanwhile, be it that there is nothing.
    await this.#load(this.#loading === 'ready', async () => {
      const page = await commands.jobs({ limit: PAGE });
      const older = without(this.#known, page.jobs);
      const meets = older.length < this.#known.length;
      // If the new page does not reach what we had, there is a gap, and a list with a gap would lie.
      this.#known = meets ? [...page.jobs, ...older] : page.jobs;
      if (!meets || older.length === 0) this.#next = page.next;
    });
  }

  /** Fetches the page after the last. */
  async loadOlder(limit = PAGE) {
    await this.#load(false, async () => {
      const after = this.#next;
      if (after === null) return;
      const page = await commands.jobs({ after, limit });
      this.#known = [...this.#known, ...without(page.jobs, this.#known)];
      this.#next = page.next;
    });
  }

  /** One job, as far as it is loaded. */
  get(attempt: AttemptId): JobCard | undefined {
    return this.list.find((job) => job.attempt === attempt);
  }

  /** Loads until the job is found or the search gives up. */
  async find(attempt: AttemptId) {
    await this.refresh();
    for (let page = 0; page < SEARCH_PAGES_MAX && !this.get(attempt) && this.#next !== null; page += 1) {
      if (this.#loading === 'failed') return;
      await this.loadOlder(PAGE_MAX);
    }
  }

  /** One load after the other: a page is only older than the list it was asked for. */
  #load(quietly: boolean, fetch: () => Promise<void>): Promise<void> {
    return this.#turns.take(() => this.#run(quietly, fetch));
  }

  async #run(quietly: boolean, fetch: () => Promise<void>) {
    if (!quietly) this.#loading = 'loading';
    try {
      await fetch();
      this.#loading = 'ready';
      this.#error = null;
    } catch (cause) {
      this.#loading = 'failed';
      this.#error = controlError(cause);
    }
  }
}

/** The same attempt in another list. */
function same(jobs: JobCard[], { attempt }: JobCard): JobCard | undefined {
  return jobs.find((job) => job.attempt === attempt);
}

/** Those of a list that are not in the other. */
function without(jobs: JobCard[], others: JobCard[]): JobCard[] {
  return jobs.filter((job) => !same(others, job));
}
