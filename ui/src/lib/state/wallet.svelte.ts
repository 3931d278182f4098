// The owner's wallet as the agent shows it, and what may be asked of it. No secret is kept here: passwords and phrases pass through to
// the agent, and a new phrase passes through to whoever asked for it.

import type { ChainBalances } from '$lib/bindings/ChainBalances';
import type { Coins } from '$lib/bindings/Coins';
import type { IntentCard } from '$lib/bindings/IntentCard';
import type { ReceiptCard } from '$lib/bindings/ReceiptCard';
import type { Unpaid } from '$lib/bindings/Unpaid';
import type { WalletAnswer } from '$lib/bindings/WalletAnswer';
import type { WalletRequest } from '$lib/bindings/WalletRequest';
import type { WalletView } from '$lib/bindings/WalletView';
import type { WithdrawalCard } from '$lib/bindings/WithdrawalCard';
import { isZero } from '$lib/format/money';
import * as commands from '$lib/ipc/commands';
import { controlError } from '$lib/ipc/errors';
import type { Trouble } from '$lib/ipc/refusals';
import type { Loading } from './jobs.svelte';
import { Paged } from './paged.svelte';

/** What came of a question: the answer, or why there is none. */
export type Outcome<K extends WalletAnswer['kind']> = Extract<WalletAnswer, { kind: K }> | { kind: 'trouble'; trouble: Trouble };

/** How often a withdrawal that is on its way is looked at. The agent answers from its own database. */
const LOOK_EVERY_MS = 2_000;

/** How often everything is counted while somebody looks: soon where something is about to become ready, else now and then. Chains are asked for it. */
const COUNT_SOON_MS = 15_000;
const COUNT_EVERY_MS = 60_000;

/** How often it is counted for the figure beside every page. */
const GLANCE_EVERY_MS = 600_000;

/** What there is on the chains, and what is not there yet. */
export interface Balances {
  chains: ChainBalances[];
  /** All chains together, an amount for each asset. */
  totals: Coins[];
  unpaid: Unpaid | null;
}

export class Wallet {
  #view = $state.raw<WalletView | null>(null);
  #loading = $state<Loading>('idle');
  #trouble = $state.raw<Trouble | null>(null);
  #balances = $state.raw<Balances | null>(null);
  #counting = $state<Loading>('idle');
  #uncounted = $state.raw<Trouble | null>(null);
  #count: Promise<void> | null = null;
  #countNext: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #followers = 0;
  #countedMs = $state(0);
  #seen: Pick<Document, 'hidden'> | null = null;

  /** What was withdrawn, newest first. */
  readonly withdrawals = new Paged<WithdrawalCard>(({ id }) => id, async (args) => {
    const outcome = await this.ask('history', { kind: 'history', ...args });
    return outcome.kind === 'trouble' ? outcome : { kind: 'page', items: outcome.page.withdrawals, next: outcome.page.next };
  });
  /** What settled attempts have brought, newest first. */
  readonly receipts = new Paged<ReceiptCard>(({ attempt }) => attempt, async (args) => {
    const outcome = await this.ask('receipts', { kind: 'receipts', ...args });
    return outcome.kind === 'trouble' ? outcome : { kind: 'page', items: outcome.page.receipts, next: outcome.page.next };
  });

  /** What there is; null before the first answer. */
  get view(): WalletView | null {
    return this.#view;
  }

  get loading(): Loading {
    return this.#loading;
  }

  /** Why the last look failed; what was seen before stays. */
  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** What there is on the chains; null before the first answer. */
  get balances(): Balances | null {
    return this.#balances;
  }

  /** When that was counted. */
  get countedMs(): number {
    return this.#countedMs;
  }

  /** Whether something could not be counted: there may be more. */
  get isPartly(): boolean {
    return (this.#balances?.chains ?? []).some(({ problem, assets }) => problem !== undefined || assets.some(({ inWallet, claimable }) => !inWallet || !claimable));
  }

  get counting(): Loading {
    return this.#counting;
  }

  /** Why the last count failed. */
  get uncounted(): Trouble | null {
    return this.#uncounted;
  }

  /** Withdrawals that are neither final nor refused. */
  get underWay(): WithdrawalCard[] {
    return this.withdrawals.list.filter(({ state }) => state.kind !== 'final' && state.kind !== 'refused');
  }

  /** Whether earnings and what is in the wallet can be taken from here: the key is here and its phrase is on paper. */
  get canSign(): boolean {
    const state = this.#view?.state;
    return state?.kind === 'local' && state.backupVerified;
  }

  /** Looks which wallet there is. */
  async load() {
    this.#loading = 'loading';
    const outcome = await this.ask('shown', { kind: 'show' });
    this.#trouble = outcome.kind === 'trouble' ? outcome.trouble : null;
    this.#loading = outcome.kind === 'trouble' ? 'failed' : 'ready';
  }

  /** Reads what there is on every chain. One counts at a time; whoever asks meanwhile gets what is counted after that. */
  count(): Promise<void> {
    if (this.#count === null) {
      const counted = this.#countOnce().finally(() => (this.#count = null));
      this.#count = counted;
      return counted;
    }
    this.#countNext ??= this.#count.then(() => {
      this.#countNext = null;
      return this.count();
    });
    return this.#countNext;
  }

  async #countOnce(): Promise<void> {
    this.#counting = 'loading';
    const whose = this.#account;
    const outcome = await this.ask('balances', { kind: 'balances' });
    // Another wallet is here now: what the one before has is not its.
    if (whose !== this.#account) return this.#countOnce();
    if (outcome.kind === 'balances') this.#balances = { chains: outcome.chains, totals: outcome.totals, unpaid: outcome.unpaid ?? null };
    this.#uncounted = outcome.kind === 'trouble' ? outcome.trouble : null;
    this.#counting = outcome.kind === 'trouble' ? 'failed' : 'ready';
    this.#countedMs = Date.now();
  }

  /** Sees to it that something is counted, however long ago. */
  async glance() {
    if (this.#view === null) await this.load();
    if (this.#account !== null && this.#balances === null && this.#counting !== 'loading') await this.count();
  }

  /** Counts again now and then while the window is seen, until the returned function is called. */
  keepCounted(seen: Pick<Document, 'hidden'>): () => void {
    const isDue = () => this.#balances === null || Date.now() - this.#countedMs >= GLANCE_EVERY_MS;
    const count = () => !seen.hidden && this.#account !== null && this.#counting !== 'loading' && isDue() && void this.count();
    const timer = setInterval(count, GLANCE_EVERY_MS / 10);
    return () => clearInterval(timer);
  }

  /** Asks the agent. Whatever wallet an answer shows is the one that is shown from then on. */
  async ask<K extends WalletAnswer['kind']>(expected: K | K[], request: WalletRequest): Promise<Outcome<K>> {
    let answer: WalletAnswer;
    try {
      answer = await commands.wallet(request);
    } catch (cause) {
      return { kind: 'trouble', trouble: { by: 'window', error: controlError(cause) } };
    }
    if (answer.kind === 'refused') return { kind: 'trouble', trouble: { by: 'wallet', refusal: answer.refusal } };
    if (answer.kind === 'shown' || answer.kind === 'created') this.#show(answer.wallet);
    if ([expected].flat().includes(answer.kind as K)) return answer as Extract<WalletAnswer, { kind: K }>;
    return { kind: 'trouble', trouble: { by: 'window', error: controlError(null) } };
  }

  /** Has an intent signed; what it set going is looked at from then on. */
  async sign(intent: IntentCard, password: string | null, previousPassword: string | null, confirmed: IntentCard['warnings']): Promise<Outcome<'signed'>> {
    const outcome = await this.ask('signed', {
      kind: 'sign', intent: intent.id, confirmed: confirmed.map(({ hazard }) => hazard),
      ...(password !== null && { password }), ...(previousPassword !== null && { previousPassword }),
    });
    if (outcome.kind === 'trouble') return outcome;
    if (outcome.withdrawal) await this.withdrawals.refresh();
    else await this.load();
    this.#lookSoon();
    return outcome;
  }

  /** Turns earnings into computing. `spending` where nobody has answered yet: it is written down, and is told until somebody does. */
  async spend(amount: string, customer: string): Promise<Outcome<'spent' | 'spending'>> {
    const outcome = await this.ask<'spent' | 'spending'>(['spent', 'spending'], { kind: 'spend', amount, customer });
    if (outcome.kind === 'spending') await this.load();
    if (outcome.kind === 'spent') await Promise.all([this.count(), this.receipts.refresh()]);
    return outcome;
  }

  /** Looks at everything that is on its way, and counts now and then, until the returned function is called. `seen` tells whether the window is. */
  follow(seen: Pick<Document, 'hidden'>): () => void {
    this.#followers += 1;
    this.#seen = seen;
    this.#lookSoon();
    return () => {
      this.#followers -= 1;
      if (this.#followers === 0) clearTimeout(this.#timer);
    };
  }

  #show(view: WalletView) {
    const before = this.#account;
    this.#view = view;
    // What another wallet has is nobody's business here any more.
    if (before !== this.#account) this.#balances = null;
  }

  get #account(): string | null {
    return this.#view && account(this.#view);
  }

  /** Whether the agent still tells the coordinator something that the owner said. */
  get #tells(): { payout: boolean; spend: boolean } {
    return { payout: this.#view?.payout?.state.kind === 'sending', spend: this.#view?.spend?.state.kind === 'sending' };
  }

  #lookSoon() {
    clearTimeout(this.#timer);
    if (this.#followers > 0) this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS);
  }

  /** A window that nobody sees asks no chain. */
  get #isCountDue(): boolean {
    if (this.#seen?.hidden !== false || this.#view === null || this.#view.state.kind === 'none') return false;
    const { credited = '0', onItsWay = '0' } = this.#balances?.unpaid ?? {};
    const every = isZero(credited) && isZero(onItsWay) ? COUNT_EVERY_MS : COUNT_SOON_MS;
    return Date.now() - this.#countedMs >= every;
  }

  async #look() {
    const before = this.underWay.length;
    if (before > 0) await this.withdrawals.refresh();
    const { payout, spend } = this.#tells;
    if (payout || spend) await this.ask('shown', { kind: 'show' });
    const isSpent = spend && !this.#tells.spend;
    if (this.underWay.length < before || isSpent || this.#isCountDue) await Promise.all([this.count(), this.receipts.refresh()]);
    this.#lookSoon();
  }
}

/** Whose wallet it is; null where there is none. */
export function account({ state }: WalletView): string | null {
  return state.kind === 'none' ? null : state.address;
}
