// What a rig of the owner's does, and how it stands, in words.

import type { FleetAlone } from '$lib/bindings/FleetAlone';
import type { FleetCardView } from '$lib/bindings/FleetCardView';
import type { FleetRigView } from '$lib/bindings/FleetRigView';
import type { MarketPlace } from '$lib/bindings/MarketPlace';
import { counted, number } from '$lib/format/number';
import { m } from '$lib/messages';

const PLACES: Record<MarketPlace, () => string> = {
  open: m.fleet_state_open,
  full: m.fleet_state_full,
  closed: m.fleet_state_closed,
  resting: m.fleet_state_resting,
  kept_free: m.fleet_state_kept_free,
  challenged: m.fleet_state_challenged,
  stopped: m.fleet_state_stopped,
  quarantined: m.fleet_state_quarantined,
  absent: m.fleet_state_connected,
};

const ALONE: Record<FleetAlone, () => string> = { no_account: m.fleet_alone_no_account, not_signed: m.fleet_alone_not_signed, quarantined: m.fleet_alone_quarantined };

/** Whether a job runs on it, as far as the network knows. */
export function isWorking({ connected, attempts }: FleetRigView): boolean {
  return connected && attempts > 0;
}

/** What it does now. */
export function stateWords(rig: FleetRigView): string {
  if (!rig.connected) return m.fleet_state_away();
  if (rig.attempts > 0) return m.fleet_state_working({ count: counted(rig.attempts) });
  return rig.place === undefined ? m.fleet_state_connected() : PLACES[rig.place]();
}

/** Why only this rig is shown. */
export function aloneWords(alone: FleetAlone): string {
  return ALONE[alone]();
}

/** Its cards in short, each model once; a rig without cards by its processor. */
export function cardsWords({ cards, cpuCores }: FleetRigView): string[] {
  if (cards.length === 0) return [m.fleet_no_cards({ count: counted(cpuCores) })];
  const models = [...new Set(cards.map(({ model }) => model))];
  return models.map((model) => {
    const count = cards.filter((card) => card.model === model).length;
    return count === 1 ? model : m.fleet_cards_of({ number: number(count), model });
  });
}

/** What a card has proved. */
export function provedWords({ fu }: FleetCardView): string {
  return fu === undefined ? m.fleet_card_not_proved() : m.fleet_card_proved({ fu: number(fu) });
}
