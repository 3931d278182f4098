import { afterAll, expect, test } from 'vitest';
import type { JobCard } from '$lib/bindings/JobCard';
import type { Phase } from '$lib/bindings/Phase';
import type { Snapshot } from '$lib/bindings/Snapshot';
import { speak } from '$lib/messages';
import { DEFAULTS } from '$lib/state/choices';
import { found, type Known } from './entries';

const NOW = new Date('2026-11-23T12:00:00').getTime();
const job = (title: string): JobCard => ({ attempt: title, title, stage: 'succeeded', startedMs: NOW }) as unknown as JobCard;
const known = (phase: Phase, over: Partial<Known> = {}): Known => ({
  agent: { snapshot: { phase } as Snapshot, gone: null },
  jobs: ['render 4', 'render 3', 'render 2', 'render 1', 'embed 1'].map(job),
  settings: { choices: DEFAULTS, language: 'en', systemLanguage: 'en' },
  nowMs: NOW,
  apple: false,
  ...over,
});
const labels = (query: string, from: Known) => found(query, from).map(({ label }) => label);

afterAll(() => speak('en', 'latn'));

test('what the rig can be told is what its button can tell it', () => {
  const acts = (phase: Phase) => found('', known(phase)).filter(({ does }) => does.kind === 'act').map(({ id }) => id);
  expect(acts({ kind: 'off' })).toEqual(['start']);
  expect(acts({ kind: 'paused' })).toEqual(['resume']);
  expect(acts({ kind: 'working' })).toEqual(['pause', 'snooze', 'tomorrow', 'finish']);
});

test('without an agent it can only be started and told about', () => {
  const gone: Known['agent'] = { snapshot: null, gone: { code: 'agent_gone', tone: 'fault', title: '', help: '', action: 'start-agent' } };
  const acts = found('', known({ kind: 'ready' }, { agent: gone })).filter(({ does }) => does.kind === 'act' || does.kind === 'report');
  expect(acts.map(({ id }) => id)).toEqual(['start-agent', 'report']);
});

test('a few jobs are offered unasked, and every one by its name', () => {
  const working = known({ kind: 'working' });
  expect(labels('', working)).not.toContain('render 1');
  expect(labels('render 1', working)[0]).toBe('render 1');
  // By its group too.
  expect(labels('recent embed', working)).toEqual(['embed 1']);
});

test('what is chosen already is not offered', () => {
  const dark = known({ kind: 'ready' }, { settings: { choices: { ...DEFAULTS, theme: 'dark' }, language: 'en', systemLanguage: 'en' } });
  expect(labels('colours', dark)).toEqual(['Light', 'As the system']);
  expect(labels('language', dark)).toEqual(['Español', '简体中文', 'العربية']);
});

test('things are found in the language that is spoken', async () => {
  await speak('ar', 'latn');
  expect(found('اعدادات', known({ kind: 'ready' }))[0]?.does).toEqual({ kind: 'go', path: '/settings' });
  await speak('zh-Hans', 'latn');
  expect(found('规则', known({ kind: 'ready' }))[0]?.does).toEqual({ kind: 'go', path: '/rules' });
});
