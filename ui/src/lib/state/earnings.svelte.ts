// What the rig has earned: sums of hours, days or months, the attempts of one of them, and files to keep.

import type { ControlError } from '$lib/bindings/ControlError';
import type { EarnedCard } from '$lib/bindings/EarnedCard';
import type { Earnings } from '$lib/bindings/Earnings';
import type { EarningsBucket } from '$lib/bindings/EarningsBucket';
import type { EarningsBy } from '$lib/bindings/EarningsBy';
import type { ReceiptCard } from '$lib/bindings/ReceiptCard';
import type { SheetOf } from '$lib/bindings/SheetOf';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Loading } from './jobs.svelte';

/** As many as can be told apart in the smallest window. */
const COUNTS: Record<EarningsBy, number> = { hour: 24, day: 30, month: 12 };
/** Attempts of one bucket that are listed at first, and with each “Show more”. */
const PAGE = 20;

/** The most the agent lists at once. */
const PAGE_MAX = 100;

/** Receipts that are looked up at the coordinator, the newest: older ones have been paid out, or are listed with the wallet. */
const RECEIPTS = 100;

/** What has become of a file. */
export type Writing = { kind: 'writing' } | { kind: 'written'; path: string } | { kind: 'failed'; error: Explained };

export class EarningsBook {
  #by = $state<EarningsBy>('day');
  #known = $state.raw<Earnings | null>(null);
  #loading = $state<Loading>('idle');
  #error = $state.raw<ControlError | null>(null);
  #chosenMs = $state<number | null>(null);
  #attempts = $state.raw<EarnedCard[]>([]);
  #next = $state<string | null>(null);
  #listing = $state<Loading>('idle');
  #listError = $state.raw<ControlError | null>(null);
  #receipts = $state.raw<ReceiptCard[]>([]);
  #payouts = $state<Loading>('idle');
  #files = $state.raw<Record<string, Writing>>({});
  #asked = 0;
  #listed = 0;
  /** The bucket that the list is of. */
  #listedMs: number | null = null;
  /** More was asked for while the list was being fetched anew. */
  #wanted = false;

  get by(): EarningsBy {
    return this.#by;
  }

  /** The last sums of this kind; null before their first answer. */
  get known(): Earnings | null {
    return this.#known;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last load failed; what was loaded before stays. */
  get error(): Explained | null {
    return this.#error && explain(this.#error);
  }

  /** Whether anything was ever settled. */
  get isEmpty(): boolean {
    return this.#known !== null && this.#known.years.length === 0;
  }

  /** The bucket whose attempts are listed: the one that was chosen, or the last in which something was settled. */
  get chosen(): EarningsBucket | null {
    const buckets = this.#known?.buckets ?? [];
    const last = buckets.findLast(({ sum }) => sum.attempts > 0) ?? buckets.at(-1) ?? null;
    return buckets.find(({ fromMs }) => fromMs === this.#chosenMs) ?? last;
  }

  /** Its attempts, as far as they are loaded. */
  get attempts(): EarnedCard[] {
    return this.#attempts;
  }

  get hasMore(): boolean {
    return this.#next !== null;
  }

  get listing(): Loading {
    return this.#listing;
  }

  get listError(): Explained | null {
    return this.#listError && explain(this.#listError);
  }

  /** Whether the coordinator has told what waits and what was paid out. */
  get payouts(): Loading {
    return this.#payouts;
  }

  /** What the coordinator says of an attempt, if it is among the newest. */
  receipt(attempt: string): ReceiptCard | undefined {
    return this.#receipts.find((receipt) => receipt.attempt === attempt);
  }

  /** Sums of another length of time. */
  async show(by: EarningsBy) {
    if (by === this.#by) return;
    this.#by = by;
    // Figures of days must not stand under hours while those are on their way.
    this.#known = null;
    this.#chosenMs = null;
    await this.refresh();
  }

  async refresh() {
    const turn = ++this.#asked;
    this.#loading = 'loading';
    try {
      const known = await commands.earnings({ by: this.#by, count: COUNTS[this.#by] });
      // A later question has a later answer.
      if (turn !== this.#asked) return;
      this.#known = known;
      this.#error = null;
      this.#loading = 'ready';
      void this.#lookUp();
      await this.#list();
    } catch (cause) {
      if (turn !== this.#asked) return;
      this.#error = controlError(cause);
      this.#loading = 'failed';
    }
  }

  /** Lists the attempts of another bucket. */
  async choose(fromMs: number) {
    this.#chosenMs = fromMs;
    await this.#list();
  }

  /** Lists them again, after it failed. */
  async list() {
    await this.#list();
  }

  /** Lists the attempts after the last. */
  async more() {
    if (this.#listing === 'loading') this.#wanted = true;
    else if (this.#next !== null) await this.#fetch(this.#attempts, this.#next);
  }

  /** What has become of a file; absent if none was asked for. */
  file(of: SheetOf): Writing | undefined {
    return this.#files[name(of)];
  }

  /** Has a file written; once at a time. */
  async write(of: SheetOf) {
    if (this.file(of)?.kind === 'writing') return;
    const set = (writing: Writing) => (this.#files = { ...this.#files, [name(of)]: writing });
    set({ kind: 'writing' });
    try {
      set({ kind: 'written', path: (await commands.exportEarnings(of)).path });
    } catch (cause) {
      set({ kind: 'failed', error: explain(controlError(cause)) });
    }
  }

  /** The agent knows what was settled; what waits and what was paid out it has to ask the coordinator. */
  async #lookUp() {
    if (this.#payouts === 'loading') return;
    this.#payouts = 'loading';
    try {
      const answer = await commands.wallet({ kind: 'receipts', limit: RECEIPTS });
      if (answer.kind !== 'receipts') throw new TypeError('the wallet answered something else');
      this.#receipts = answer.page.receipts;
      this.#payouts = 'ready';
    } catch {
      // What was known stays; the page says that it may be old.
      this.#payouts = 'failed';
    }
  }

  /** A list that is fetched anew is no shorter than it was. */
  async #list() {
    const same = this.chosen?.fromMs === this.#listedMs;
    this.#wanted &&= same;
    await this.#fetch([], undefined, same ? Math.min(Math.max(this.#attempts.length, PAGE), PAGE_MAX) : PAGE);
  }

  async #fetch(before: EarnedCard[], after: string | undefined, limit = PAGE) {
    const turn = ++this.#listed;
    const bucket = this.chosen;
    if (!bucket) return;
    const { fromMs, untilMs } = bucket;
    this.#listedMs = fromMs;
    this.#listing = 'loading';
    try {
      const page = await commands.earned({ fromMs, untilMs, limit, ...(after !== undefined && { after }) });
      if (turn !== this.#listed) return;
      this.#attempts = [...before, ...page.attempts];
      this.#next = page.next;
      this.#listError = null;
      this.#listing = 'ready';
      if (this.#wanted) {
        this.#wanted = false;
        await this.more();
      }
    } catch (cause) {
      if (turn !== this.#listed) return;
      this.#attempts = before;
      this.#next = null;
      this.#listError = controlError(cause);
      this.#listing = 'failed';
    }
  }
}

function name(of: SheetOf): string {
  return of.kind === 'year' ? String(of.year) : of.kind;
}
