import { expect, test } from 'vitest';
import type { MarketPlace } from '$lib/bindings/MarketPlace';
import type { NetworkDemand } from '$lib/bindings/NetworkDemand';
import type { Requirement } from '$lib/bindings/Requirement';
import type { Snapshot } from '$lib/bindings/Snapshot';
import { kindName, needWords, networkWords, ownWords } from './demand';

const said = (changes: Partial<NetworkDemand>): NetworkDemand => ({ place: 'open', waiting: 0, more: false, fitting: 0, unmet: [], cards: [], ...changes });
const doing = (phase: Snapshot['phase']) => ownWords({ phase, working: [] } as unknown as Snapshot);

test('a rig that is only without work leaves the word to the network', () => {
  expect(doing({ kind: 'ready' })).toBeNull();
  expect(doing({ kind: 'paused' })).toBe('You have paused it.');
  expect(doing({ kind: 'waiting', reasons: [{ kind: 'metered' }, { kind: 'offline' }] })).toBe(
    'It takes no work now: the connection is metered and the coordinator cannot be reached.',
  );
});

test('what waits is told by what of it fits', () => {
  expect(networkWords(said({}))).toBe('No job waits in the network right now.');
  expect(networkWords(said({ waiting: 9, fitting: 1 }))).toBe('A job waits that it could do.');
  const unmet = [{ requirement: 'vram' as const, jobs: 5, alone: 4 }, { requirement: 'price' as const, jobs: 2, alone: 1 }];
  expect(networkWords(said({ waiting: 6, unmet }))).toBe('6 jobs wait, and none fits this PC. Most of them ask for more memory on the card.');
});

test('a rig that is given nothing is told why before it is told of the queue', () => {
  const places: MarketPlace[] = ['resting', 'kept_free', 'challenged', 'stopped', 'quarantined', 'absent'];
  const words = places.map((place) => networkWords(said({ place, waiting: 9, fitting: 9 })));
  expect(new Set(words).size).toBe(places.length);
  expect(words.join()).not.toContain('9 jobs');
});

test('who has no verified card hears that, and who has one hears that it is too small', () => {
  const score: { requirement: Requirement } = { requirement: 'score' };
  expect(needWords(score, said({ cards: [{ gpu: 'GPU-1' }] }))).toBe('a verified score, which no card here has yet');
  expect(needWords(score, said({ cards: [{ gpu: 'GPU-1' }, { gpu: 'GPU-2', fu: 500 }] }))).toBe('a higher verified score');
});

test('kinds are named as makers write themselves', () => {
  expect(kindName('nvidia 24 GiB').replaceAll('\u00a0', ' ')).toBe('NVIDIA 24 GiB');
  expect(kindName('somebody 8 GiB').replaceAll('\u00a0', ' ')).toBe('somebody 8 GiB');
  expect(kindName('cpu')).toBe('PCs without a card');
});
