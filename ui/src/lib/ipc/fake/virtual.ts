// Invented pools and shares of them. All sums are made here, where a network would make them.

import type { Holdings, Machine, Pool, Risk, Scenario, VirtualAct, VirtualAnswer, VirtualDraft, VirtualRequest, VirtualRig } from '../virtual';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MONTH_MS = 30.4375 * DAY_MS;
const SETTLES_AFTER_MS = 5_000;
const EXPIRES_AFTER_MS = 120_000;
/** An attestation older than this counts as none. */
const STALE_AFTER_MS = 8 * DAY_MS;
/** Of what was paid, for the unused time, at most so many hundredths come back. */
const REFUND_PERCENT = 60n;
const refundPermille = Number(REFUND_PERCENT) * 10;
const EVERY_RISK: Risk[] = ['can_be_zero', 'worth_nothing_at_end', 'early_refund', 'no_deposit', 'no_promise'];
/** What comes in the box of the one machine that can be activated here. */
const BOX = { serial: 'HF-2026-0042', claimKey: 'claim-0042', model: 'Headframe One, RTX 5070' };
/** A box that somebody has activated already. */
const USED = 'HF-2026-0041';

export class FakeVirtualRigs {
  /** Whether the network offers any. */
  offered = true;
  /** Whether the owner has taken any yet. */
  holdings: Holdings;
  #drafts = new Map<string, VirtualDraft>();
  #settling = new Map<number, number>();
  #number = 1_042;

  constructor(nowMs: number) {
    this.holdings = { rigs: [rig(nowMs)], pools: pools(nowMs), machines: [{ serial: USED, model: BOX.model, activatedMs: nowMs - 40 * DAY_MS }] };
  }

  step(nowMs: number) {
    for (const [id, since] of this.#settling) {
      if (nowMs - since < SETTLES_AFTER_MS) continue;
      this.#settling.delete(id);
      this.#change(id, (one) => ({ ...one, state: 'active' }));
    }
  }

  answer(request: VirtualRequest, nowMs: number): VirtualAnswer {
    if (!this.offered) return { kind: 'not_offered' };
    switch (request.kind) {
      case 'show':
        return { kind: 'shown', holdings: structuredClone(this.holdings) };
      case 'prepare':
        return this.#prepare(request.act, nowMs);
      case 'agree':
        return this.#agree(request.draft, request.understood, nowMs);
      case 'activate':
        return this.#activate(request.serial.trim(), request.claimKey.trim(), nowMs);
    }
  }

  #prepare(act: VirtualAct, nowMs: number): VirtualAnswer {
    const held = act.act === 'buy' ? undefined : this.holdings.rigs.find(({ id }) => id === act.rig);
    const pool = this.holdings.pools.find(({ id }) => id === (act.act === 'buy' ? act.pool : held?.pool));
    if (!pool || (act.act !== 'buy' && !held)) return { kind: 'refused', code: 'draft_gone' };
    if (act.act !== 'retire') {
      if (nowMs - pool.checkedMs > STALE_AFTER_MS) return { kind: 'refused', code: 'stale' };
      if (act.fu > pool.sellableFu) return { kind: 'refused', code: 'sold_out' };
    }
    const draft = act.act === 'retire' ? retiring(act, held as VirtualRig, pool, nowMs) : buying(act, held, pool, nowMs);
    this.#drafts.set(draft.id, draft);
    return { kind: 'prepared', draft: structuredClone(draft) };
  }

  #agree(id: string, understood: Risk[], nowMs: number): VirtualAnswer {
    const draft = this.#drafts.get(id);
    if (!draft || nowMs > draft.expiresMs) return { kind: 'refused', code: 'draft_gone' };
    if (draft.risks.some((risk) => !understood.includes(risk))) return { kind: 'refused', code: 'not_understood' };
    this.#drafts.delete(id);
    const { act } = draft;
    if (act.act === 'retire') {
      this.holdings = { ...this.holdings, rigs: this.holdings.rigs.filter((one) => one.id !== act.rig) };
      return { kind: 'agreed', holdings: structuredClone(this.holdings) };
    }
    const rigId = act.act === 'upgrade' ? act.rig : (this.#number += 1);
    if (act.act === 'buy') this.holdings = { ...this.holdings, rigs: [...this.holdings.rigs, bought(rigId, draft, act.pool, nowMs)] };
    else this.#change(rigId, (one) => ({ ...one, fu: one.fu + act.fu, paid: sum(one.paid, draft.amount), state: 'settling' }));
    const poolId = this.holdings.rigs.find((one) => one.id === rigId)?.pool;
    const takes = (pool: Pool) => (pool.id === poolId ? { ...pool, soldFu: pool.soldFu + act.fu, sellableFu: pool.sellableFu - act.fu } : pool);
    this.holdings = { ...this.holdings, pools: this.holdings.pools.map(takes) };
    this.#settling.set(rigId, nowMs);
    return { kind: 'agreed', holdings: structuredClone(this.holdings) };
  }

  #activate(serial: string, claimKey: string, nowMs: number): VirtualAnswer {
    if (this.holdings.machines.some((one) => one.serial === serial)) return { kind: 'refused', code: 'claim_used' };
    if (serial !== BOX.serial) return { kind: 'refused', code: 'serial_unknown' };
    if (claimKey !== BOX.claimKey) return { kind: 'refused', code: 'claim_wrong' };
    const machine: Machine = { serial, model: BOX.model, activatedMs: nowMs };
    this.holdings = { ...this.holdings, machines: [...this.holdings.machines, machine] };
    return { kind: 'activated', machine, holdings: structuredClone(this.holdings) };
  }

  #change(id: number, how: (one: VirtualRig) => VirtualRig) {
    this.holdings = { ...this.holdings, rigs: this.holdings.rigs.map((one) => (one.id === id ? how(one) : one)) };
  }
}

const sum = (...all: string[]) => all.reduce((so, one) => so + BigInt(one), 0n).toString();

function buying(act: Exclude<VirtualAct, { act: 'retire' }>, held: VirtualRig | undefined, pool: Pool, nowMs: number): VirtualDraft {
  const endsMs = held?.endsMs ?? nowMs + pool.termMonths * MONTH_MS;
  // An upgrade pays for the rest of the term only.
  const months = BigInt(Math.max(1, Math.round((endsMs - nowMs) / MONTH_MS)));
  const amount = (BigInt(pool.pricePerFu) * BigInt(act.fu) * months) / BigInt(pool.termMonths);
  return {
    id: `${act.act}-${nowMs}-${act.fu}`, act, poolName: pool.name, fu: act.fu, amount: amount.toString(), endsMs, reserve: pool.reserve, refundPermille,
    scenarios: scenarios(BigInt(act.fu), months, amount, pool), risks: EVERY_RISK, expiresMs: nowMs + EXPIRES_AFTER_MS,
  };
}

function retiring(act: VirtualAct, held: VirtualRig, pool: Pool, nowMs: number): VirtualDraft {
  return {
    id: `retire-${held.id}-${nowMs}`, act, poolName: pool.name, fu: held.fu, amount: held.refund, endsMs: nowMs, reserve: pool.reserve, refundPermille,
    scenarios: [], risks: ['no_way_back'], expiresMs: nowMs + EXPIRES_AFTER_MS,
  };
}

/** A month of a thousand FU as they are rented now: $88.00 of payments, $25.50 of power; the first year, then as each assumption says. */
function scenarios(fu: bigint, months: bigint, paid: bigint, pool: Pool): Scenario[] {
  const [earns, power] = [88_000_000n, 25_500_000n];
  const of = (assumes: Scenario['assumes'], share: (year: bigint) => bigint): Scenario => {
    let [revenue, costs] = [0n, 0n];
    for (let month = 0n; month < months; month += 1n) {
      const permille = share(month / 12n);
      const gross = (earns * fu * permille) / 1_000_000n;
      // Little work also takes little power.
      const drawn = (power * fu * (assumes === 'prices_fall' ? 1_000n : permille)) / 1_000_000n;
      const fees = (gross * BigInt(pool.serviceBps)) / 10_000n;
      revenue += gross;
      // A month that costs more than it brings is nothing, and no debt.
      costs += drawn + fees > gross ? gross : drawn + fees;
    }
    const net = revenue - costs;
    return { assumes, revenue: revenue.toString(), costs: costs.toString(), net: net.toString(), difference: (net - paid).toString() };
  };
  return [
    of('as_now', () => 1_000n),
    of('prices_fall', (year) => [1_000n, 750n, 562n][Number(year)] ?? 421n),
    of('little_work', () => 400n),
    of('no_work', () => 0n),
  ];
}

function rig(nowMs: number): VirtualRig {
  const boughtMs = nowMs - 9 * MONTH_MS;
  const paid = 750_000_000n;
  return {
    id: 1_042, pool: 7, poolName: 'Tallinn 7', fu: 500, paid: paid.toString(), received: '186400000', boughtMs, endsMs: boughtMs + 36 * MONTH_MS,
    revenue: '329100000', electricity: '116372000', service: '26328000', weeks: 39, weeksAtALoss: 3, coverageBps: 10_000, checkedMs: nowMs - 2 * HOUR_MS,
    refund: ((paid * 27n * REFUND_PERCENT) / 3_600n).toString(), refundPermille, state: 'active',
  };
}

function bought(id: number, draft: VirtualDraft, pool: number, nowMs: number): VirtualRig {
  return {
    id, pool, poolName: draft.poolName, fu: draft.fu, paid: draft.amount, received: '0', boughtMs: nowMs, endsMs: draft.endsMs, revenue: '0', electricity: '0',
    service: '0', weeks: 0, weeksAtALoss: 0, coverageBps: 10_000, checkedMs: nowMs - 2 * HOUR_MS, refund: ((BigInt(draft.amount) * REFUND_PERCENT) / 100n).toString(), refundPermille, state: 'settling',
  };
}

function pools(nowMs: number): Pool[] {
  const common = { termMonths: 36, serviceBps: 800, model: 'RTX 4090', coverageBps: 10_000 };
  return [
    {
      ...common, id: 7, name: 'Tallinn 7', host: 'Põhja Arvutus OÜ', place: 'Tallinn', machines: 6, pledgedFu: 6_024, soldFu: 4_600, sellableFu: 219, checkedMs: nowMs - 2 * HOUR_MS,
      pricePerFu: '1500000', tariffPerKwh: '140000', reserve: '1380000000', realised: { weeks: 12, rigs: 9, low: '7900000', middle: '10650000', high: '12100000' },
    },
    {
      ...common, id: 9, name: 'Oulu 9', host: 'Pohjoinen Laskenta Oy', place: 'Oulu', machines: 4, pledgedFu: 4_010, soldFu: 0, sellableFu: 3_208, checkedMs: nowMs - 5 * HOUR_MS,
      pricePerFu: '1450000', tariffPerKwh: '95000', reserve: '0',
    },
    {
      ...common, id: 4, name: 'Málaga 4', host: 'Sur Cómputo SL', place: 'Málaga', machines: 3, pledgedFu: 2_100, soldFu: 2_300, sellableFu: 0, coverageBps: 0, checkedMs: nowMs - 11 * DAY_MS,
      pricePerFu: '1520000', tariffPerKwh: '160000', reserve: '410000000', realised: { weeks: 4, rigs: 5, low: '0', middle: '2100000', high: '4300000' },
    },
  ];
}
