// How a rig stands with the network, in a word.

import { m } from '$lib/messages';

const TIERS = {
  new: m.fleet_tier_new,
  good: m.fleet_tier_good,
  watched: m.fleet_tier_watched,
  distrusted: m.fleet_tier_distrusted,
  excluded: m.fleet_tier_excluded,
} as const;

/** How it stands; a word that is not known here stays as the network said it. */
export function tierWords(tier: string): string {
  return Object.hasOwn(TIERS, tier) ? TIERS[tier as keyof typeof TIERS]() : tier;
}
