// What an invented rig has earned, added up from its invented jobs as the real agent does it.

import type { EarnedArgs } from '$lib/bindings/EarnedArgs';
import type { EarnedCard } from '$lib/bindings/EarnedCard';
import type { EarnedPage } from '$lib/bindings/EarnedPage';
import type { Earnings } from '$lib/bindings/Earnings';
import type { EarningsArgs } from '$lib/bindings/EarningsArgs';
import type { EarningsBy } from '$lib/bindings/EarningsBy';
import type { EarningsRange } from '$lib/bindings/EarningsRange';
import type { EarningsSum } from '$lib/bindings/EarningsSum';
import type { Exported } from '$lib/bindings/Exported';
import type { SheetOf } from '$lib/bindings/SheetOf';
import type { Worker } from '$lib/bindings/Worker';
import type { FakeJob } from './job';
import type { World } from './world';

const HOUR_MS = 3_600_000;
const WATTS = 312;
const PRICE_PER_KWH = 320_000n;
const JOULES_PER_KWH = 3_600_000n;
/** How many hours of work, days or months a range is told of at least. */
const NEEDED = { hour: 20, day: 7, month: 6 };
/** How much of the past is looked at for it. */
const PAST = { hour: 30 * 24, day: 90, month: 36 };
const NOTHING: EarningsSum = { jobs: '0', runningMs: 0, attempts: 0, unmeasured: 0, unpriced: 0 };

/** Sums of hours, days or months. */
export function earnings(world: World, { by, count }: EarningsArgs): Earnings {
  const settled = settledJobs(world);
  const begins = Array.from({ length: count + 1 }, (_, index) => begin(by, world.nowMs, index - count + 1));
  const inside = settled.filter(({ card }) => ended(card.endedMs) >= (begins[0] ?? 0));
  const buckets = begins.slice(0, -1).map((fromMs, index) => {
    const untilMs = begins[index + 1] ?? fromMs;
    return { fromMs, untilMs, sum: total(inside.filter(({ card }) => ended(card.endedMs) >= fromMs && ended(card.endedMs) < untilMs)) };
  });
  const workers = new Map<string, { worker: Worker; jobs: FakeJob[] }>();
  for (const it of inside) {
    const worker = workerOf(world, it);
    const known = workers.get(JSON.stringify(worker)) ?? { worker, jobs: [] };
    workers.set(JSON.stringify(worker), { worker, jobs: [...known.jobs, it] });
  }
  const parts = [...workers.values()].map(({ worker, jobs }) => ({ worker, sum: total(jobs) }));
  return {
    by, zone: 'Europe/Tallinn', buckets, total: total(inside), range: range(world, by, settled),
    highest: buckets.map(({ sum }) => BigInt(sum.jobs)).reduce((one, other) => (one > other ? one : other), 0n).toString(),
    workers: parts.sort((one, other) => Number(BigInt(other.sum.jobs) - BigInt(one.sum.jobs))),
    years: [...new Set(settled.map(({ card }) => new Date(ended(card.endedMs)).getFullYear()))].sort().reverse(),
  };
}

/** The attempts of some time. */
export function earned(world: World, { fromMs, untilMs, after, limit }: EarnedArgs): EarnedPage {
  const all = settledJobs(world).filter(({ card }) => ended(card.endedMs) >= fromMs && ended(card.endedMs) < untilMs).reverse();
  const from = after === undefined ? 0 : all.findIndex(({ card }) => card.attempt === after) + 1;
  const attempts = all.slice(from, from + limit).map((it): EarnedCard => ({
    attempt: it.card.attempt, title: it.card.title, stage: it.card.stage, settledMs: ended(it.card.endedMs), sum: total([it]),
    ...(isRemembered(it) && { receipt: `0x${it.card.attempt.replaceAll('-', '').repeat(2)}` }),
  }));
  return { attempts, next: from + limit < all.length ? (attempts.at(-1)?.attempt ?? null) : null };
}

/** A file that a browser cannot write. */
export function exported(world: World, of: SheetOf): Promise<Exported> {
  if (world.rig.gpus.length === 0) {
    return Promise.reject({ code: 'unexpected', message: 'The file could not be written: no space left on device.' });
  }
  const name = of.kind === 'year' ? `headframe-year-${of.year}` : 'headframe-earnings-2026-11-23';
  return Promise.resolve({ path: `/home/ada/Downloads/${name}.csv` });
}

/** Newest first. */
function settledJobs(world: World): FakeJob[] {
  return world.past.filter(({ card }) => card.endedMs !== null && card.runningMs > 0);
}

function ended(ms: number | null): number {
  return ms ?? 0;
}

function numberOf(it: FakeJob): number {
  return parseInt(it.card.attempt.slice(-12), 16);
}

/** An older agent wrote neither the card nor the network down. */
function isRemembered(it: FakeJob): boolean {
  return numberOf(it) > 11;
}

function workerOf(world: World, it: FakeJob): Worker {
  if (!isRemembered(it)) return { kind: 'unknown' };
  const { gpus } = world.rig;
  const card = gpus[numberOf(it) % Math.max(1, gpus.length)];
  return it.onGpu && card ? { kind: 'card', gpu: card.uuid, model: card.model } : { kind: 'processor' };
}

/** What jobs have earned. */
export function total(jobs: FakeJob[]): EarningsSum {
  if (jobs.length === 0) return NOTHING;
  const earned = jobs.reduce((all, { card }) => all + BigInt(card.earned), 0n);
  const runningMs = jobs.reduce((all, { card }) => all + card.runningMs, 0);
  const measured = jobs.filter((it) => it.onGpu && isRemembered(it));
  const sum = { ...NOTHING, jobs: earned.toString(), runningMs, attempts: jobs.length, unmeasured: jobs.length - measured.length };
  if (measured.length === 0) return sum;
  const joules = BigInt(Math.floor((measured.reduce((all, { card }) => all + card.runningMs, 0) / 1000) * WATTS));
  const power = (joules * PRICE_PER_KWH) / JOULES_PER_KWH;
  return { ...sum, energyJoules: Number(joules), power: power.toString(), net: (earned - power).toString() };
}

/** Where the stretch `ahead` of the present one begins. */
function begin(by: EarningsBy, nowMs: number, ahead: number): number {
  const now = new Date(nowMs);
  if (by === 'hour') return new Date(now).setMinutes(0, 0, 0) + ahead * HOUR_MS;
  if (by === 'day') return new Date(now.getFullYear(), now.getMonth(), now.getDate() + ahead).getTime();
  return new Date(now.getFullYear(), now.getMonth() + ahead, 1).getTime();
}

function range(world: World, by: EarningsBy, settled: FakeJob[]): EarningsRange {
  const needed = NEEDED[by];
  if (by === 'hour') {
    const recent = settled.filter(({ card }) => ended(card.endedMs) >= world.nowMs - PAST.hour * HOUR_MS);
    const hours = Math.floor(recent.reduce((all, { card }) => all + card.runningMs, 0) / HOUR_MS);
    const rates = recent.map(({ card }) => (BigInt(card.earned) * BigInt(HOUR_MS)) / BigInt(card.runningMs));
    return spread(hours, needed, rates);
  }
  const wholes = new Map<number, bigint>();
  for (const { card } of settled) {
    const at = begin(by, ended(card.endedMs), 0);
    if (at >= begin(by, world.nowMs, -PAST[by]) && at < begin(by, world.nowMs, 0)) wholes.set(at, (wholes.get(at) ?? 0n) + BigInt(card.earned));
  }
  return spread(wholes.size, needed, [...wholes.values()]);
}

function spread(basis: number, needed: number, figures: bigint[]): EarningsRange {
  if (basis < needed) return { basis, needed };
  const sorted = figures.sort((one, other) => Number(one - other));
  const at = (percent: number) => (sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0n).toString();
  return { basis, needed, p10: at(10), p50: at(50), p90: at(90) };
}
