// An invented wallet that answers as the agent's does and lives second by second. Its phrases are test vectors that everybody knows.

import type { IntentCard } from '$lib/bindings/IntentCard';
import type { PrepareArgs } from '$lib/bindings/PrepareArgs';
import type { ReceiptCard } from '$lib/bindings/ReceiptCard';
import type { SignArgs } from '$lib/bindings/SignArgs';
import type { Unpaid } from '$lib/bindings/Unpaid';
import type { VerifyArgs } from '$lib/bindings/VerifyArgs';
import type { WalletAnswer } from '$lib/bindings/WalletAnswer';
import type { WalletCode } from '$lib/bindings/WalletCode';
import type { WalletRequest } from '$lib/bindings/WalletRequest';
import type { WalletView } from '$lib/bindings/WalletView';
import type { WithdrawalCard } from '$lib/bindings/WithdrawalCard';
import { ADDRESS, balances, chains, isWrong, receipts, totals, unpaid, withdrawals, type FakeChain } from './coins';
import { draftOf, type FakeIntent } from './intent';

const PHRASES: Record<number, string> = {
  12: 'ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic',
  24: 'hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length',
};
/** The words of any phrase that can be imported: as many as there are in one. */
const LENGTHS = [12, 24];
const PASSWORD_CHARS_MIN = 8;
const SLIPS_MAX = 3;
/** How long a relayer takes, and how long until nothing takes a block back. */
const SENT_AFTER_MS = 4_000;
const FINAL_AFTER_MS = 12_000;
const TOLD_AFTER_MS = 3_000;
const EXPIRES_AFTER_MS = 120_000;

/** Says no. */
class No extends Error {
  constructor(
    readonly code: WalletCode,
    message: string,
    readonly waitMs?: number,
  ) {
    super(message);
  }
}

export class FakeWallet {
  view: WalletView = { state: { kind: 'none' } };
  chains: FakeChain[] = chains();
  withdrawals: WithdrawalCard[] = [];
  receipts: ReceiptCard[] = [];
  /** Whether the coordinator answers. */
  online = true;
  /** How far the clock of this PC is ahead of everybody else's. */
  aheadMs = 0;
  #password = '';
  #phrase: string | null = null;
  #positions: number[] = [];
  #slips = 0;
  #guesses = 0;
  #waiting = new Map<string, FakeIntent & { expiresMs: number }>();
  #toldAtMs: number | null = null;
  #number = 0;

  /** A wallet that is in use, as most scenes have it. */
  settle(nowMs: number, remembered = false) {
    this.#password = 'correct horse';
    this.view = {
      state: { kind: 'local', address: ADDRESS, backupVerified: true, remembered },
      payout: { account: ADDRESS, chainId: 8_453, inHfr: false, state: { kind: 'accepted', confirmed: true } },
    };
    this.withdrawals = withdrawals(nowMs);
    this.receipts = receipts(nowMs);
  }

  /** A wallet whose words nobody has shown to be on paper. */
  unverified(nowMs: number, remembersPhrase: boolean) {
    this.settle(nowMs);
    this.view = { state: { kind: 'local', address: ADDRESS, backupVerified: false, remembered: false } };
    this.withdrawals = [];
    this.#phrase = remembersPhrase ? (PHRASES[12] ?? null) : null;
  }

  /** An address whose key is elsewhere. */
  watching(nowMs: number) {
    this.settle(nowMs);
    this.view = { state: { kind: 'watching', address: ADDRESS }, payout: { account: ADDRESS, chainId: 8_453, inHfr: false, state: { kind: 'accepted', confirmed: false } } };
    this.withdrawals = [];
  }

  /** One that cannot be followed: its chain does not answer. */
  stuck(nowMs: number) {
    const [last] = this.withdrawals;
    if (last) this.withdrawals = [{ ...last, id: 'under-way', state: { kind: 'sent' }, createdMs: nowMs - 60_000 }, ...this.withdrawals];
  }

  step(nowMs: number) {
    this.withdrawals = this.withdrawals.map((card) => this.#advance(card, nowMs));
    if (this.#toldAtMs !== null && nowMs - this.#toldAtMs >= TOLD_AFTER_MS && this.view.payout && this.online) {
      this.view = { ...this.view, payout: { ...this.view.payout, state: { kind: 'accepted', confirmed: this.view.state.kind === 'local' } } };
      this.#toldAtMs = null;
    }
    if (this.view.spend?.state.kind === 'sending' && this.online) this.#carryOut();
  }

  answer(request: WalletRequest, nowMs: number): WalletAnswer {
    try {
      return this.#answer(request, nowMs);
    } catch (no) {
      if (!(no instanceof No)) throw no;
      return { kind: 'refused', refusal: { code: no.code, message: no.message, ...(no.waitMs !== undefined && { waitMs: no.waitMs }) } };
    }
  }

  #answer(request: WalletRequest, nowMs: number): WalletAnswer {
    switch (request.kind) {
      case 'show':
        return this.#shown();
      case 'create':
        return this.#create(request.words, request.password, request.remember, request.replace);
      case 'quiz':
        return { kind: 'quiz', positions: this.#ask() };
      case 'verify':
        return this.#verify(request);
      case 'import':
        return this.#import(request.phrase, request.password, request.remember, request.replace);
      case 'watch':
        return this.#watch(request.address, request.replace);
      case 'balances':
        this.#connected();
        return { kind: 'balances', chains: balances(this.chains), totals: totals(this.chains), unpaid: this.#unpaid(nowMs) };
      case 'prepare':
        return { kind: 'prepared', intent: this.#prepare(request, nowMs) };
      case 'sign':
        return this.#sign(request, nowMs);
      case 'history':
        return { kind: 'history', page: page(this.withdrawals, ({ id }) => id, request, 'withdrawals') };
      case 'receipts':
        this.#connected();
        return { kind: 'receipts', page: page(this.receipts, ({ attempt }) => attempt, request, 'receipts') };
      case 'spend':
        return this.#order(request.amount, request.customer, nowMs);
      case 'news':
      case 'told':
        // The desktop tells of money, and the window has it in sight.
        return { kind: 'news', news: [] };
    }
  }

  #shown(): WalletAnswer {
    return { kind: 'shown', wallet: structuredClone(this.view) };
  }

  #create(words: number, password: string, remember: boolean, replace: boolean): WalletAnswer {
    this.#settleIn(password, remember, replace, false);
    this.#phrase = PHRASES[words] ?? '';
    return { kind: 'created', wallet: structuredClone(this.view), phrase: this.#phrase };
  }

  #import(phrase: string, password: string, remember: boolean, replace: boolean): WalletAnswer {
    const words = phrase.trim().split(/\s+/);
    if (!LENGTHS.includes(words.length)) throw new No('refused', `This is no phrase: a phrase has 12 or 24 words; this has ${words.length}.`);
    const slip = words.findIndex((word) => !/^[a-z]{3,8}$/.test(word));
    if (slip >= 0) throw new No('refused', `This is no phrase: word ${slip + 1} is not on the list of BIP-39; look for a slip of the pen.`);
    this.#settleIn(password, remember, replace, true);
    return this.#shown();
  }

  #watch(address: string, replace: boolean): WalletAnswer {
    const wrong = isWrong(address, true);
    if (wrong) throw new No('refused', wrong);
    if (this.view.state.kind !== 'none' && !replace) throw new No('exists', 'There is a wallet already.');
    this.view = { ...this.view, state: { kind: 'watching', address: address.trim() } };
    return this.#shown();
  }

  #settleIn(password: string, remembered: boolean, replace: boolean, backupVerified: boolean) {
    if (this.view.state.kind !== 'none' && !replace) throw new No('exists', 'There is a wallet already.');
    if ([...password].length < PASSWORD_CHARS_MIN) throw new No('refused', 'The wallet stays locked: a password has at least 8 characters.');
    this.#password = password;
    [this.#slips, this.#phrase] = [0, null];
    this.view = { ...this.view, state: { kind: 'local', address: ADDRESS, backupVerified, remembered } };
  }

  #ask(): number[] {
    if (this.#phrase === null) throw new No('phrase_needed', 'The agent has forgotten the phrase; enter all of it.');
    const count = this.#phrase.split(' ').length;
    // Others each time it is asked.
    this.#number += 1;
    this.#positions = [2, 5, 9].map((step) => ((step + this.#number) % count) + 1).sort((one, other) => one - other);
    return this.#positions;
  }

  #verify(args: VerifyArgs): WalletAnswer {
    const { state } = this.view;
    if (state.kind !== 'local' || state.backupVerified) throw new No('refused', 'This phrase is verified already.');
    if (args.by === 'phrase') {
      if (args.phrase.trim() !== (this.#phrase ?? PHRASES[12])) throw new No('refused', 'These are not the words of the phrase; look at the paper again.');
    } else {
      if (this.#phrase === null) throw new No('phrase_needed', 'The agent has forgotten the phrase; enter all of it.');
      const words = this.#phrase.split(' ');
      const right = this.#positions.length > 0 && this.#positions.every((position, at) => words[position - 1] === args.words[at]?.trim());
      this.#positions = [];
      if (!right) this.#slip();
    }
    this.view = { ...this.view, state: { ...state, backupVerified: true } };
    this.#phrase = null;
    return this.#shown();
  }

  #slip(): never {
    this.#slips += 1;
    if (this.#slips < SLIPS_MAX) throw new No('refused', 'These are not the words of the phrase; look at the paper again.');
    this.#phrase = null;
    throw new No('phrase_needed', 'The agent has forgotten the phrase; enter all of it.');
  }

  #connected() {
    if (this.view.state.kind === 'none') throw new No('no_wallet', 'There is no wallet yet.');
    if (!this.online) throw new No('offline', 'The coordinator did not help: the coordinator does not answer.');
  }

  #unpaid(nowMs: number): Unpaid {
    return unpaid(this.receipts, nowMs);
  }

  #prepare(args: PrepareArgs, nowMs: number): IntentCard {
    this.#connected();
    const { state } = this.view;
    if (state.kind === 'local' && !state.backupVerified) throw new No('unverified', 'Show first that you have written the phrase down.');
    if (state.kind === 'watching' && args.act === 'withdraw') {
      throw new No('refused', `The key of ${state.address} is not on this PC; use the wallet that has it. Earnings of a dollar and more are brought there without it.`);
    }
    const open = this.withdrawals.some((card) => args.act === 'withdraw' && card.chainId === args.chainId && card.state.kind !== 'final' && card.state.kind !== 'refused');
    if (open) throw new No('refused', 'Another withdrawal is still on its way there; wait until it is final.');
    const used = new Set(this.withdrawals.map(({ to }) => to.toLowerCase()));
    const draft = draftOf(args, { account: ADDRESS, chains: this.chains, used, byWallet: state.kind === 'local' });
    if ('code' in draft) throw new No(draft.code, draft.message);
    this.#number += 1;
    const id = `intent-${this.#number}`;
    const expiresMs = nowMs - this.aheadMs + EXPIRES_AFTER_MS;
    this.#waiting.set(id, { ...draft, expiresMs });
    return { id, words: draft.words, facts: draft.facts, warnings: draft.warnings, expiresMs };
  }

  #sign({ intent, password, confirmed }: SignArgs, nowMs: number): WalletAnswer {
    const draft = this.#waiting.get(intent);
    if (!draft || nowMs >= draft.expiresMs) throw new No('intent_gone', 'This was prepared too long ago; prepare it again.');
    if (draft.warnings.some(({ confirm, hazard }) => confirm && !confirmed.includes(hazard))) throw new No('unconfirmed', 'This must be confirmed first.');
    const { state } = this.view;
    if (state.kind === 'local' && password === undefined && !state.remembered) throw new No('password_needed', 'The wallet’s password is needed.');
    if (state.kind === 'local' && password !== undefined && password !== this.#password) {
      this.#guesses += 1;
      throw new No('wrong_password', 'This is not the password of the wallet.', this.#guesses > 2 ? 1_000 << (this.#guesses - 3) : 0);
    }
    this.#guesses = 0;
    this.#waiting.delete(intent);
    if (draft.act.act === 'confirm_payout') {
      this.view = { ...this.view, payout: { account: ADDRESS, chainId: draft.act.chainId ?? 8_453, inHfr: draft.act.inHfr, state: { kind: 'sending' } } };
      this.#toldAtMs = nowMs;
      return { kind: 'signed', withdrawal: null };
    }
    const withdrawal: WithdrawalCard = { ...draft.withdrawal, id: intent, state: { kind: 'signed' }, createdMs: nowMs };
    this.withdrawals = [withdrawal, ...this.withdrawals];
    return { kind: 'signed', withdrawal };
  }

  #advance(card: WithdrawalCard, nowMs: number): WithdrawalCard {
    const age = nowMs - card.createdMs;
    const chain = this.chains.find(({ chainId }) => chainId === card.chainId);
    if (!this.online || !chain || chain.problem) return card;
    const transaction = `0x${'5c9d1e07a4b3f286'.repeat(4)}`;
    if (card.state.kind === 'signed' && age >= SENT_AFTER_MS) return { ...card, state: { kind: 'sent' }, transaction, explorer: `https://scan.example/tx/${transaction}` };
    if (card.state.kind !== 'sent' || age < FINAL_AFTER_MS) return card;
    const asset = chain.assets.find(({ symbol }) => symbol === card.amount.symbol);
    const units = BigInt(card.amount.units);
    if (asset && card.from === 'earnings') [asset.claimable, asset.taken] = [0n, asset.taken + units];
    if (asset && card.from === 'wallet') asset.inWallet -= units;
    if (asset && card.to === ADDRESS) asset.inWallet += units - asset.relayFee;
    return { ...card, state: { kind: 'final', block: 24_118_207 } };
  }

  /** It is written down, and told until somebody answers. */
  #order(amount: string, customer: string, nowMs: number): WalletAnswer {
    if (this.online) return this.#spend(amount, customer);
    this.view = { ...this.view, spend: { amount, customer, saidMs: nowMs, state: { kind: 'sending' } } };
    return { kind: 'spending' };
  }

  #carryOut() {
    const { spend, ...rest } = this.view;
    if (!spend) return;
    this.view = rest;
    try {
      this.#spend(spend.amount, spend.customer);
    } catch (no) {
      if (!(no instanceof No)) throw no;
      this.view = { ...rest, spend: { ...spend, state: { kind: 'refused', message: no.message } } };
    }
  }

  #spend(amount: string, customer: string): WalletAnswer {
    this.#connected();
    if (this.aheadMs !== 0) throw new No('clock_wrong', 'The network does not believe the time: the clock of this PC is wrong.');
    if (!/^cus_[0-9a-f]{32}$/.test(customer)) throw new No('refused', 'A customer is cus_ and 32 hex digits.');
    const credited = BigInt(unpaid(this.receipts, 0).credited);
    if (BigInt(amount) <= 0n) throw new No('refused', 'Nothing is spent with nothing.');
    if (BigInt(amount) > credited) throw new No('refused', 'There is not so much that is not in a payout yet.');
    let left = BigInt(amount);
    // Oldest first, as the ledger takes it.
    this.receipts = this.receipts
      .toReversed()
      .map((one) => {
        if (one.practice || one.payoutEpoch !== undefined || one.maturesMs !== undefined) return one;
        const taken = left < BigInt(one.share) ? left : BigInt(one.share);
        left -= taken;
        return { ...one, share: (BigInt(one.share) - taken).toString() };
      })
      .toReversed();
    return { kind: 'spent' };
  }
}

function page<T, K extends string>(all: T[], name: (one: T) => string, { after, limit }: { after?: string; limit: number }, key: K): { [P in K]: T[] } & { next: string | null } {
  const from = after === undefined ? 0 : all.findIndex((one) => name(one) === after) + 1;
  const items = structuredClone(all.slice(from, from + limit));
  const last = items.at(-1);
  const next = from + limit < all.length && last !== undefined ? name(last) : null;
  return { [key]: items, next } as { [P in K]: T[] } & { next: string | null };
}
