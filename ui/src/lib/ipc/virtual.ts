// What the window and its host say to each other about virtual rigs. No network offers them yet and the agent has no words for them, so
// these types stand here and not among the bindings; the window's own host answers `not_offered`. Amounts are micro-dollars as text and
// come computed: nothing is multiplied or added in the window.

import type { Micros } from '$lib/bindings/Micros';
import type { TimestampMs } from '$lib/bindings/TimestampMs';

/** What may be asked. Nothing is signed at the first word: an act is prepared, shown, and agreed to. */
export type VirtualRequest =
  | { kind: 'show' }
  | { kind: 'prepare'; act: VirtualAct }
  | { kind: 'agree'; draft: string; understood: Risk[] }
  | { kind: 'activate'; serial: string; claimKey: string };

export type VirtualAct =
  | { act: 'buy'; pool: number; fu: number }
  | { act: 'upgrade'; rig: number; fu: number }
  | { act: 'retire'; rig: number };

export type VirtualAnswer =
  | { kind: 'not_offered' }
  | { kind: 'shown'; holdings: Holdings }
  | { kind: 'prepared'; draft: VirtualDraft }
  | { kind: 'agreed'; holdings: Holdings }
  | { kind: 'activated'; machine: Machine; holdings: Holdings }
  | { kind: 'refused'; code: VirtualCode };

/** Why it was not done. */
export type VirtualCode = 'sold_out' | 'stale' | 'not_eligible' | 'draft_gone' | 'not_understood' | 'unfunded' | 'serial_unknown' | 'claim_wrong' | 'claim_used' | 'claim_expired';

/** What must be read and said yes to before money goes anywhere. */
export type Risk = 'can_be_zero' | 'worth_nothing_at_end' | 'early_refund' | 'no_deposit' | 'no_promise' | 'no_way_back';

/** Everything there is. */
export interface Holdings {
  rigs: VirtualRig[];
  pools: Pool[];
  machines: Machine[];
}

/** A share of the power of one named pool of machines. */
export interface VirtualRig {
  id: number;
  pool: number;
  poolName: string;
  /** Frame Units. */
  fu: number;
  paid: Micros;
  /** Since it was bought, after all costs. */
  received: Micros;
  boughtMs: TimestampMs;
  /** When it ends. It is worth nothing then. */
  endsMs: TimestampMs;
  /** Of all weeks so far: what its share of customers' payments was, and what was taken off. */
  revenue: Micros;
  electricity: Micros;
  service: Micros;
  /** Of all weeks so far; weeks whose cost was more than their revenue. */
  weeks: number;
  weeksAtALoss: number;
  /** The power that stands behind it, in ten-thousandths of what was sold; 0 while nobody has verified it lately. */
  coverageBps: number;
  checkedMs: TimestampMs;
  /** What retiring it now would bring. */
  refund: Micros;
  /** Of what was paid for the time that is left, at most so many thousandths come back. */
  refundPermille: number;
  state: 'active' | 'settling';
}

/** Machines whose verified power is shared out. */
export interface Pool {
  id: number;
  name: string;
  host: string;
  place: string;
  machines: number;
  model: string;
  pledgedFu: number;
  soldFu: number;
  /** How much can be bought now; 0 stops sales. */
  sellableFu: number;
  coverageBps: number;
  checkedMs: TimestampMs;
  pricePerFu: Micros;
  termMonths: number;
  tariffPerKwh: Micros;
  serviceBps: number;
  /** What stands ready for refunds. */
  reserve: Micros;
  /** What a thousand FU really brought a week, after costs; absent while there are too few weeks. */
  realised?: { weeks: number; rigs: number; low: Micros; middle: Micros; high: Micros };
}

/** An act that waits for its owner. */
export interface VirtualDraft {
  id: string;
  act: VirtualAct;
  poolName: string;
  fu: number;
  /** What is paid, or what comes back. */
  amount: Micros;
  endsMs: TimestampMs;
  /** What stands ready for refunds now. */
  reserve: Micros;
  /** Of what is paid for the time that is left, at most so many thousandths come back. */
  refundPermille: number;
  /** What it would come to over the whole term, by assumptions that are said; empty for a refund. */
  scenarios: Scenario[];
  /** All of them must be said yes to. */
  risks: Risk[];
  expiresMs: TimestampMs;
}

/** One assumption, and what it comes to over the whole term. */
export interface Scenario {
  assumes: 'as_now' | 'prices_fall' | 'little_work' | 'no_work';
  revenue: Micros;
  costs: Micros;
  net: Micros;
  /** Net less what is paid. */
  difference: Micros;
}

/** A real machine that was bought and is yours. */
export interface Machine {
  serial: string;
  model: string;
  activatedMs: TimestampMs;
}
