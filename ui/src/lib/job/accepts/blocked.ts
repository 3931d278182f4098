// How an owner knows a customer he has blocked.

import type { BlockedCustomer } from '$lib/bindings/BlockedCustomer';
import { m } from '$lib/messages';

/** Digits of a pseudonym that tell a handful of customers apart. */
const SHORT = 8;

/** By the job that was written down, else by the beginning of the pseudonym. */
export function nameOf({ job, customer }: Pick<BlockedCustomer, 'job' | 'customer'>): string {
  return job.trim() || m.prefs_unnamed({ name: customer.replace(/^psn_/, '').slice(0, SHORT) });
}

/** When it was; null if nobody wrote down a time. */
export function sinceMs({ since }: Pick<BlockedCustomer, 'since'>): number | null {
  const at = Date.parse(since);
  return Number.isNaN(at) ? null : at;
}
