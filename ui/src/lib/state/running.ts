// How far a job is, as far as anybody can tell.

import type { JobCard } from '$lib/bindings/JobCard';
import type { Stage } from '$lib/bindings/Stage';
import { coarse } from '$lib/format/duration';
import { percent } from '$lib/format/unit';
import { m } from '$lib/messages';
import type { Agent } from './agent.svelte';

/** A meter for a job. `level` only says how much of its time is used: nobody knows when it will be done. */
export interface Progress {
  kind: 'progress' | 'level';
  share: number;
  text: string;
}

/** A stage in a word or two. */
export function stageName(stage: Stage): string {
  return m[`stage_${stage}`]();
}

/** How long the container has run at a moment. Time goes on between snapshots, and stops with the agent. */
export function ranMs(job: JobCard, { receivedMs, gone }: Pick<Agent, 'receivedMs' | 'gone'>, nowMs: number): number {
  const counts = job.stage === 'running' && gone === null;
  return job.runningMs + (counts ? Math.max(0, nowMs - receivedMs) : 0);
}

/** How far a job is that has run for `ran` milliseconds; null where there is nothing to say. */
export function progress(job: JobCard, ran: number): Progress | null {
  if (job.permille !== null) return { kind: 'progress', share: job.permille / 1000, text: m.jobs_progress({ percent: percent(job.permille) }) };
  if (job.stage !== 'running' || job.timeoutMs === undefined) return null;
  return { kind: 'level', share: ran / job.timeoutMs, text: m.jobs_of_at_most({ ran: coarse(ran), limit: coarse(job.timeoutMs) }) };
}
