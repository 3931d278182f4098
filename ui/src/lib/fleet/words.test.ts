import { describe, expect, it } from 'vitest';
import type { FleetRigView } from '$lib/bindings/FleetRigView';
import { tierWords } from '$lib/state/tiers';
import { cardsWords, isWorking, stateWords } from './words';

const rig: FleetRigView = {
  device: '0x1', name: 'cellar', here: false, agent: '0.1.0', connected: true, seenMs: 0, attempts: 0, place: 'open', cpuModel: 'test', cpuCores: 8,
  cards: [], fu: 0, today: '0', days: '0', tier: 'good',
};
const { place, ...unplaced } = rig;

describe('a rig of the fleet', () => {
  it('says what it does, and what is not known is not guessed', () => {
    expect(stateWords({ ...rig, connected: true, attempts: 2, place: 'full' })).toBe('works on 2 jobs');
    expect([place, stateWords(rig)]).toEqual(['open', 'ready']);
    expect(stateWords(unplaced)).toBe('connected');
    expect(stateWords({ ...rig, connected: false, attempts: 1, place: 'open' })).toBe('not connected');
  });

  it('works only while it is connected', () => {
    expect(isWorking({ ...rig, connected: true, attempts: 1 })).toBe(true);
    expect(isWorking({ ...rig, connected: false, attempts: 1 })).toBe(false);
  });

  it('names each model once', () => {
    const card = (model: string) => ({ model, vramBytes: 1 });
    expect(cardsWords({ ...rig, cards: [card('A'), card('B'), card('A')] })).toEqual(['2 × A', 'B']);
    expect(cardsWords({ ...rig, cards: [], cpuCores: 8 })).toEqual(['8 cores, no card']);
  });

  it('stands as the network says, also in a word of tomorrow', () => {
    expect([tierWords('watched'), tierWords('eminent'), tierWords('toString')]).toEqual(['watched', 'eminent', 'toString']);
  });
});
