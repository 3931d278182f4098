import { expect, test } from 'vitest';
import type { JobCard } from '$lib/bindings/JobCard';
import type { Agent } from './agent.svelte';
import { progress, ranMs } from './running';

const card = (facts: Partial<JobCard>) => ({ stage: 'running', runningMs: 125_000, permille: null, ...facts }) as JobCard;
const heard = (gone: Agent['gone']) => ({ receivedMs: 1_000, gone });

test('a running job says how much of its time it has used, for nobody knows when it will be done', () => {
  const said = progress(card({ timeoutMs: 900_000 }), 125_000);
  expect(said?.text.replaceAll('\u00a0', ' ')).toBe('2 min of at most 15 min');
  expect(said?.kind).toBe('level');
});

test('what can be measured is said in percent', () => {
  expect(progress(card({ stage: 'preparing', permille: 420 }), 0)).toMatchObject({ kind: 'progress', share: 0.42, text: '42\u00a0% done' });
});

test('where nothing is known nothing is said', () => {
  expect(progress(card({}), 0)).toBeNull();
  expect(progress(card({ stage: 'uploading', timeoutMs: 900_000 }), 0)).toBeNull();
});

test('time goes on between snapshots, and stops with the agent', () => {
  expect(ranMs(card({}), heard(null), 4_000)).toBe(128_000);
  expect(ranMs(card({}), heard({} as Agent['gone']), 4_000)).toBe(125_000);
  expect(ranMs(card({ stage: 'uploading' }), heard(null), 4_000)).toBe(125_000);
});
