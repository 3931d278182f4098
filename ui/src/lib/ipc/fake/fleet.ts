// Invented rigs of one owner, and what an invented network says of them.

import type { FleetArgs } from '$lib/bindings/FleetArgs';
import type { FleetCardView } from '$lib/bindings/FleetCardView';
import type { FleetPage } from '$lib/bindings/FleetPage';
import type { FleetRigView } from '$lib/bindings/FleetRigView';
import type { FleetSaid } from '$lib/bindings/FleetSaid';
import type { FleetView } from '$lib/bindings/FleetView';
import type { MarketPlace } from '$lib/bindings/MarketPlace';
import type { Snapshot } from '$lib/bindings/Snapshot';
import { proofOf } from './cards';
import { placeOf } from './demand';

const PAGE = 50;
const WALLET = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const MINUTE = 60_000;
const GIB = 1024 ** 3;

/** What a scene has of rigs: this one alone, with others, or why nobody says. */
export type FakeFleet = { kind: 'rigs'; others: number } | { kind: 'alone'; why: 'no_account' | 'not_signed' } | Exclude<FleetSaid, { kind: 'listed' }>;

/** What the network says of the rig as it is, and of its owner's others. */
export function fleetOf(snapshot: Snapshot, fleet: FakeFleet, args: FleetArgs, nowMs: number): FleetView {
  if (snapshot.link.kind !== 'connected') return { askedMs: nowMs, said: { kind: 'silent' } };
  const own = here(snapshot, nowMs);
  switch (fleet.kind) {
    case 'alone':
      return { askedMs: nowMs, said: { kind: 'listed', page: { ...cut([own], args), alone: fleet.why } } };
    case 'rigs': {
      const all = [own, ...Array.from({ length: fleet.others }, (_, nth) => other(nth, nowMs))];
      return { askedMs: nowMs, said: { kind: 'listed', page: { ...cut(all, args), wallet: WALLET } } };
    }
    default:
      return { askedMs: nowMs, said: fleet };
  }
}

/** So many rigs, none of which is here. */
export function ofMany(count: number, args: FleetArgs, nowMs: number): FleetView {
  const all = Array.from({ length: count }, (_, nth) => ({ ...other(nth, nowMs), name: `rig-${String(nth + 1).padStart(3, '0')}` }));
  return { askedMs: nowMs, said: { kind: 'listed', page: { ...cut(all, args), wallet: WALLET } } };
}

function cut(all: FleetRigView[], { after }: FleetArgs): FleetPage {
  const from = after === undefined ? 0 : all.findIndex(({ device }) => device === after) + 1;
  const rigs = all.slice(from, from + PAGE);
  const connected = all.filter((rig) => rig.connected);
  const sum = (amounts: string[]) => amounts.reduce((one, other) => one + BigInt(other), 0n).toString();
  const total = {
    rigs: all.length, connected: connected.length, fu: connected.reduce((fu, rig) => fu + rig.fu, 0),
    today: sum(all.map((rig) => rig.today)), days: sum(all.map((rig) => rig.days)),
  };
  const last = rigs.at(-1);
  return { rigs, total, ...(last && from + PAGE < all.length ? { next: last.device } : {}) };
}

function here(snapshot: Snapshot, nowMs: number): FleetRigView {
  const { rig, working, today } = snapshot;
  const cards = rig.gpus.map((gpu): FleetCardView => {
    const fu = proofOf(gpu, nowMs).fu;
    return { model: gpu.model, vramBytes: gpu.vramBytes, ...(fu === undefined ? {} : { fu }) };
  });
  return {
    device: rig.device, name: rig.name, here: true, agent: '0.1.0', connected: true, seenMs: nowMs, attempts: working.length, place: placeOf(snapshot),
    cpuModel: rig.cpu.model, cpuCores: rig.cpu.cores, cards, fu: cards.reduce((fu, card) => fu + (card.fu ?? 0), 0),
    today: today.confirmed, days: (BigInt(today.confirmed) + 11_420_000n).toString(), tier: 'good',
  };
}

const CARDS: FleetCardView[][] = [
  [{ model: 'NVIDIA GeForce RTX 4090', vramBytes: 24 * GIB, fu: 1_004 }, { model: 'NVIDIA GeForce RTX 4090', vramBytes: 24 * GIB, fu: 998 }],
  [{ model: 'AMD Radeon RX 7900 XTX', vramBytes: 24 * GIB, fu: 612 }],
  [{ model: 'NVIDIA GeForce RTX 3060', vramBytes: 12 * GIB }],
  [],
];
const NAMES = ['cellar', 'render box with a name that is longer than most', 'workshop', 'the kids’ PC'];
const PLACES: MarketPlace[] = ['full', 'open', 'closed', 'resting', 'challenged', 'kept_free'];

/** The first two are a rig that works and one that was left in the dark. */
function other(nth: number, nowMs: number): FleetRigView {
  const connected = nth % 5 !== 1;
  const place = PLACES[nth % PLACES.length] ?? 'open';
  const cards = CARDS[nth % CARDS.length] ?? [];
  const fu = connected ? cards.reduce((fu, card) => fu + (card.fu ?? 0), 0) : 0;
  return {
    device: `0x${(nth + 1).toString(16).padStart(40, 'a')}`,
    name: nth < NAMES.length ? (NAMES[nth] ?? '') : `rig ${String(nth + 2)}`,
    here: false, connected, attempts: connected && place === 'full' ? 1 + (nth % 2) : 0,
    seenMs: connected ? nowMs : nowMs - (nth + 1) * 47 * MINUTE,
    ...(nth % 9 === 7 ? {} : { agent: nth % 4 === 2 ? '0.0.9' : '0.1.0' }),
    ...(connected && nth % 7 !== 6 ? { place } : {}),
    cpuModel: 'AMD Ryzen 9 7950X', cpuCores: 32, cards, fu,
    today: connected ? String(410_000 + nth * 31_000) : '0', days: String(4_800_000 + nth * 217_000),
    tier: nth % 6 === 3 ? 'watched' : nth % 6 === 4 ? 'new' : 'good',
  };
}
