// A list that is asked for page by page, newest first, and whose newest page is asked for again when something has changed.

import type { Trouble } from '$lib/ipc/refusals';
import type { Loading } from './jobs.svelte';
import { Turns } from './turns';

/** Lines of a page: it is one list among others; “Show older” fetches the next. */
const PAGE = 6;

/** Which page. */
interface PageArgs {
  after?: string;
  limit: number;
}

/** A page, or why there is none. */
type Fetched<T> = { kind: 'page'; items: T[]; next: string | null } | { kind: 'trouble'; trouble: Trouble };

export class Paged<T> {
  #name: (item: T) => string;
  #fetch: (args: PageArgs) => Promise<Fetched<T>>;
  #known = $state.raw<T[]>([]);
  #next = $state<string | null>(null);
  #loading = $state<Loading>('idle');
  #trouble = $state.raw<Trouble | null>(null);
  #turns = new Turns();

  constructor(name: (item: T) => string, fetch: (args: PageArgs) => Promise<Fetched<T>>) {
    this.#name = name;
    this.#fetch = fetch;
  }

  get list(): T[] {
    return this.#known;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last load failed; what was loaded before stays. */
  get trouble(): Trouble | null {
    return this.#trouble;
  }

  get hasOlder(): boolean {
    return this.#next !== null;
  }

  /** Fetches the newest page and keeps what was loaded before it. */
  refresh(): Promise<void> {
    return this.#load(
      () => ({ limit: PAGE }),
      (items, next) => {
        const older = this.#without(items);
        const meets = older.length < this.#known.length;
        // If the new page does not reach what we had, there is a gap, and a list with a gap would lie.
        this.#known = meets ? [...items, ...older] : items;
        if (!meets || older.length === 0) this.#next = next;
      },
    );
  }

  /** Fetches the page after the last. */
  older(): Promise<void> {
    return this.#load(
      () => (this.#next === null ? null : { after: this.#next, limit: PAGE }),
      (items, next) => {
        this.#known = [...this.#without(items), ...items];
        this.#next = next;
      },
    );
  }

  /** One load after the other: a page is only older than the list it was asked for. */
  #load(args: () => PageArgs | null, take: (items: T[], next: string | null) => void): Promise<void> {
    return this.#turns.take(async () => {
      const wanted = args();
      if (wanted === null) return;
      this.#loading = 'loading';
      const fetched = await this.#fetch(wanted);
      if (fetched.kind === 'page') take(fetched.items, fetched.next);
      this.#trouble = fetched.kind === 'trouble' ? fetched.trouble : null;
      this.#loading = fetched.kind === 'trouble' ? 'failed' : 'ready';
    });
  }

  /** What is known and not in the list. */
  #without(items: T[]): T[] {
    const names = items.map(this.#name);
    return this.#known.filter((item) => !names.includes(this.#name(item)));
  }
}
