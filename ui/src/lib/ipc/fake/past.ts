// The past of an invented rig, in pages and pieces as the real agent gives them.

import type { JobPage } from '$lib/bindings/JobPage';
import type { JobsArgs } from '$lib/bindings/JobsArgs';
import type { LogArgs } from '$lib/bindings/LogArgs';
import type { LogChunk } from '$lib/bindings/LogChunk';
import type { Yields } from '$lib/bindings/Yields';
import type { YieldView } from '$lib/bindings/YieldView';
import { isOver, type FakeJob } from './job';

const PAGE_MAX = 100;
const PIECE_BYTES_MAX = 64 * 1024;

/** One page of jobs, newest first. */
export function page(all: FakeJob[], { after, limit }: JobsArgs): JobPage {
  const from = after === undefined ? 0 : all.findIndex((job) => job.card.attempt === after) + 1;
  const to = from + Math.min(limit, PAGE_MAX);
  const jobs = all.slice(from, to).map((job) => ({ ...job.card }));
  return { jobs, next: to < all.length ? (jobs.at(-1)?.attempt ?? null) : null };
}

/** One piece of a log. Invented logs are plain ASCII, so characters are bytes. */
export function piece(all: FakeJob[], { attempt, offset }: LogArgs): LogChunk | null {
  const job = all.find((candidate) => candidate.card.attempt === attempt);
  if (!job) return null;
  const from = offset < 0 ? Math.max(0, job.log.length + offset) : Math.min(offset, job.log.length);
  const text = job.log.slice(from, from + PIECE_BYTES_MAX);
  const end = from + text.length;
  return { offset: from, end, text, complete: isOver(job.card.stage) && end === job.log.length };
}

/** How quickly an invented rig was given back: a little slower each time, and one job that had to be ended. */
export function yields(all: FakeJob[]): Yields {
  const recent = all.filter(({ card }) => card.stage === 'yielded').map(({ card }, index): YieldView => ({
    attempt: card.attempt,
    title: card.title,
    cause: card.reason === 'rig_paused' ? 'paused' : index % 2 === 0 ? 'input' : 'game',
    wantedMs: (card.endedMs ?? 0) - 1_000,
    stopMs: index === 3 ? 5_080 : 310 + index * 240,
    memoryMissing: false,
    killed: index === 3,
  }));
  const took = recent.map(({ stopMs }) => stopMs).sort((one, other) => one - other);
  const within = (share: number) => took[Math.max(0, Math.ceil(took.length * share) - 1)] ?? 0;
  return {
    count: took.length, killed: recent.filter(({ killed }) => killed).length, memoryMissing: 0,
    p50Ms: within(0.5), p95Ms: within(0.95), maxMs: within(1), recent,
  };
}
