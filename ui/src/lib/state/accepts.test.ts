import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RulesFile } from '$lib/ipc/fake/rules';
import { isNothingLeft } from './accepts';
import { RulesEditor } from './rules.svelte';

const file = { now: new RulesFile() };

vi.mock('$lib/ipc/commands', () => ({
  rules: async () => file.now.page(),
  setRules: async (args: Parameters<RulesFile['set']>[0]) => file.now.set(args),
}));

async function opened(): Promise<RulesEditor> {
  const editor = new RulesEditor({ simulates: false });
  await editor.load();
  return editor;
}

describe('what an owner accepts', () => {
  beforeEach(() => {
    file.now = new RulesFile();
  });

  it('is everything before he has chosen', async () => {
    const editor = await opened();
    expect(editor.draft?.jobs).toEqual({ gpu: true, cpu: true, unsaved: true, longest_hours: 0, undeclared: true, adult: true, blocked: [] });
  });

  it('is saved at once', async () => {
    const editor = await opened();
    expect(await editor.choose((draft) => (draft.jobs.unsaved = false))).toBe(true);
    expect(file.now.rules?.jobs.unsaved).toBe(false);
    expect(editor.isChanged).toBe(false);
  });

  it('is changed in what somebody else wrote meanwhile, of which nothing is lost', async () => {
    const editor = await opened();
    const first = { customer: 'psn_1', job: 'Shot 1', since: '' };
    const second = { customer: 'psn_2', job: 'Shot 2', since: '' };
    await editor.choose((draft) => draft.jobs.blocked.push(first));
    file.now.block(second.customer, second.job, 0);
    expect(await editor.choose((draft) => (draft.jobs.blocked = draft.jobs.blocked.filter(({ customer }) => customer !== 'psn_1')))).toBe(true);
    expect(file.now.rules?.jobs.blocked.map(({ customer }) => customer)).toEqual(['psn_2']);
    expect(editor.error).toBe(null);
  });

  it('is chosen twice in a breath, and both hold', async () => {
    const editor = await opened();
    const both = await Promise.all([editor.choose((draft) => (draft.jobs.unsaved = false)), editor.choose((draft) => (draft.jobs.adult = false))]);
    expect(both).toEqual([true, true]);
    expect([file.now.rules?.jobs.unsaved, file.now.rules?.jobs.adult]).toEqual([false, false]);
  });

  it('that cannot be saved does not hold, and the reason stays', async () => {
    const editor = await opened();
    expect(await editor.choose((draft) => (draft.jobs.longest_hours = 5))).toBe(false);
    expect(editor.draft?.jobs.longest_hours).toBe(0);
    expect(editor.error?.help).toContain('jobs.longest_hours');
    expect(file.now.rules?.jobs.longest_hours).toBe(0);
  });

  it('may be nothing at all', () => {
    const { defaults } = new RulesFile().page();
    expect(isNothingLeft(defaults)).toBe(false);
    expect(isNothingLeft({ ...defaults, jobs: { ...defaults.jobs, gpu: false, cpu: false } })).toBe(true);
  });
});
