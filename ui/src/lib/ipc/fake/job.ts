// An invented job: what it is called, how long it takes and what it prints.

import type { GpuView } from '$lib/bindings/GpuView';
import type { JobCard } from '$lib/bindings/JobCard';
import type { Stage } from '$lib/bindings/Stage';

/** A job with the parts the window does not see. */
export interface FakeJob {
  card: JobCard;
  log: string;
  /** How long its container runs in all. */
  lengthMs: number;
  /** How long the present stage has lasted. */
  stageMs: number;
  /** Whether it needs a card. */
  onGpu: boolean;
}

/** What a job is, before it has a place in time. */
export interface Kind {
  title: string;
  image: string;
  perHour: string;
  lengthMs: number;
  onGpu: boolean;
  /** Whose it is, as this rig knows them: one customer for each image. */
  customer: string;
}

const DIGEST = 'sha256:4f2c1b9d8e7a6053f1e2d3c4b5a69788796a5b4c3d2e1f00ffeeddccbbaa9988';

export const RENDER: Kind = onGpu(kind('Blender: courtyard, frames 200 to 480', 'render/blender', '340000', 25 * 60_000));
export const TRANSCODE: Kind = kind('Transcode trailer to AV1', 'video/ffmpeg', '90909', 4 * 60_000);
export const EMBED: Kind = onGpu(kind('Embedding batch 91 of 130', 'ai/embed', '160000', 12 * 60_000));
export const LONG: Kind = kind(
  'nightly-archive-2026-11-23_customer-footage_batch-000417_reencode-with-very-long-name-that-nobody-shortened.mkv',
  'video/ffmpeg',
  '41000',
  9 * 60_000,
);

/** What a customer allows, beside what it takes. */
const TIMEOUT_FACTOR = 2;

/** A job that was taken at a moment, with the cards it was given. */
export function job(of: Kind, number: number, startedMs: number, cards: GpuView[] = []): FakeJob {
  const id = number.toString(16).padStart(12, '0');
  return {
    lengthMs: of.lengthMs,
    stageMs: 0,
    onGpu: of.onGpu,
    log: '',
    card: {
      attempt: `0192f3a0-0000-7000-8000-${id}`,
      job: `0192f39f-0000-7000-8000-${id}`,
      title: of.title,
      image: of.image,
      stage: 'preparing',
      reason: null,
      reasonText: null,
      startedMs,
      endedMs: null,
      runningMs: 0,
      timeoutMs: of.lengthMs * TIMEOUT_FACTOR,
      permille: 0,
      earnsPerHour: of.perHour,
      earned: '0',
      confirmed: false,
      logBytes: 0,
      gpus: cards.map(({ uuid }) => uuid),
      customer: of.customer,
    },
  };
}

/** A job whose container has run for a while. */
export function running(of: Kind, number: number, nowMs: number, ranMs: number, cards: GpuView[] = []): FakeJob {
  const it = job(of, number, nowMs - ranMs - 8_000, cards);
  it.card.stage = 'running';
  it.card.permille = null;
  advance(it, ranMs);
  return it;
}

/** A job that is over. */
export function over(of: Kind, number: number, endedMs: number, end: Pick<JobCard, 'stage' | 'reason' | 'reasonText'>, ranMs = of.lengthMs): FakeJob {
  const it = running(of, number, endedMs, ranMs);
  finish(it, endedMs, end);
  return it;
}

/** Lets the container run on. */
export function advance(it: FakeJob, ms: number) {
  const { card } = it;
  const from = card.runningMs;
  card.runningMs = Math.min(it.lengthMs, from + ms);
  card.earned = ((BigInt(card.earnsPerHour) * BigInt(card.runningMs)) / 3_600_000n).toString();
  for (let at = Math.ceil((from + 1) / 1000); at <= card.runningMs / 1000; at += 1) it.log += line(at);
  card.logBytes = it.log.length;
}

/** Ends a job. Work that failed or came too late is not paid. */
export function finish(it: FakeJob, endedMs: number, end: Pick<JobCard, 'stage' | 'reason' | 'reasonText'>) {
  Object.assign(it.card, end, { endedMs, permille: null, gpus: [], confirmed: true });
  delete it.card.timeoutMs;
  if (end.stage === 'succeeded') Object.assign(it.card, { resultFiles: Math.ceil(it.lengthMs / 90_000), resultBytes: it.lengthMs * 1_300 });
  if (end.stage === 'failed' || end.stage === 'lost') it.card.earned = '0';
  it.log += end.stage === 'succeeded' ? 'finished, results written to /work/out\n' : `${end.reasonText ?? 'stopped'}\n`;
  it.card.logBytes = it.log.length;
}

/** Whether nothing more happens to the job. */
export function isOver(stage: Stage): boolean {
  switch (stage) {
    case 'preparing':
    case 'running':
    case 'yielding':
    case 'uploading':
      return false;
    case 'succeeded':
    case 'failed':
    case 'yielded':
    case 'lost':
    case 'cancelled':
      return true;
  }
}

function line(second: number): string {
  if (second === 1) return `reading /work/in/source\nusing 4 threads\n`;
  const frame = second * 24;
  if (second % 7 === 0) return `[info] segment ${Math.floor(second / 7)} written\n`;
  return `frame=${frame} fps=24.1 time=${clock(second)} speed=1.02x\n`;
}

function clock(second: number): string {
  return new Date(second * 1000).toISOString().slice(11, 19);
}

function kind(title: string, image: string, perHour: string, lengthMs: number): Kind {
  return { title, image: `registry.testbed/${image}@${DIGEST}`, perHour, lengthMs, onGpu: false, customer: pseudonym(image) };
}

/** Thirty-two digits that look like any. */
function pseudonym(of: string): string {
  const sum = [...of].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7);
  return `psn_${sum.toString(16).padStart(8, '0').repeat(4)}`;
}

function onGpu(of: Kind): Kind {
  return { ...of, onGpu: true };
}
