import { expect, it } from 'vitest';
import { RulesFile } from '$lib/ipc/fake/rules';

const sources = Object.values(import.meta.glob<string>(['./*.svelte', '../job/accepts/*.svelte', '../state/kept.ts'], { query: '?raw', import: 'default', eager: true })).join('\n');

it('every rule of the file has its place in the window', () => {
  const { defaults } = new RulesFile().page();
  const missing = Object.entries(defaults).flatMap(([section, rules]) =>
    Object.keys(rules)
      // The days of the week are painted together, and customers are blocked one by one.
      .filter((key) => section !== 'schedule' && `${section}.${key}` !== 'jobs.blocked' && !sources.includes(`draft.${section}.${key}`) && !sources.includes(`rules.${section}.${key} `))
      .filter((key) => !(sources.includes(`keyof ${TYPES[section] ?? '?'}`) && sources.includes(`set('${key}')`)))
      .map((key) => `${section}.${key}`),
  );
  expect(missing).toEqual([]);
  expect(sources).toContain('draft.schedule');
});

/** Sections of which one function sets every key. */
const TYPES: Record<string, string> = { heat: 'HeatRules', giving_back: 'GivingBackRules' };
