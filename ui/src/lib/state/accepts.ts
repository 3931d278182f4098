// Which jobs the owner takes.

import type { OwnerRules } from '$lib/bindings/OwnerRules';

/** Lengths a job may be refused by, in hours, and 0 for no limit. */
export const LENGTHS_HOURS = [1, 2, 4, 8, 12, 24, 48, 72, 0] as const;

/** Whether the owner refuses every job there can be. */
export function isNothingLeft({ jobs }: OwnerRules): boolean {
  return !jobs.gpu && !jobs.cpu;
}
