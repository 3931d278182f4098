import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { SetRulesArgs } from '$lib/bindings/SetRulesArgs';
import { RulesFile } from '$lib/ipc/fake/rules';
import { CardOffers } from './offers.svelte';

const agent = { rules: new RulesFile(), trouble: null as unknown };

vi.mock('$lib/ipc/commands', () => ({
  rules: async () => agent.rules.page(),
  setRules: async (args: SetRulesArgs) => {
    if (agent.trouble) throw agent.trouble;
    return agent.rules.set(args);
  },
}));

const CARDS = [{ uuid: 'GPU-1', model: 'NVIDIA GeForce RTX 4090' }, { uuid: 'GPU-2', model: 'NVIDIA GeForce RTX 3090' }];
const [first, second] = CARDS as [(typeof CARDS)[0], (typeof CARDS)[0]];

describe('the switch of a card', () => {
  beforeEach(() => {
    agent.rules = new RulesFile();
    agent.trouble = null;
  });

  it('is not there before the rules are known', async () => {
    const offers = new CardOffers();
    expect(offers.isKnown).toBe(false);
    await offers.load();
    expect(offers.isKnown).toBe(true);
    expect(CARDS.every((card) => offers.isOffered(card))).toBe(true);
  });

  it('keeps one card and leaves the others', async () => {
    const offers = new CardOffers();
    await offers.load();
    expect(await offers.set(first, false, CARDS)).toBe(true);
    expect([offers.isOffered(first), offers.isOffered(second)]).toEqual([false, true]);
    const later = new CardOffers();
    await later.load();
    expect(later.isOffered(first), 'it is one of the rules').toBe(false);
    await later.set(first, true, CARDS);
    expect(later.isOffered(first)).toBe(true);
  });

  it('says what holds where it could not be saved, and why', async () => {
    const offers = new CardOffers();
    await offers.load();
    agent.trouble = { code: 'agent_gone', message: 'The agent is not running.' };
    expect(await offers.set(first, false, CARDS)).toBe(false);
    expect(offers.isOffered(first)).toBe(true);
    expect(offers.error?.code).toBe('agent_gone');
  });
});
