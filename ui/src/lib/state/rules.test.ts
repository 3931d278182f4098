import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RulesFile } from '$lib/ipc/fake/rules';
import { RulesEditor, changedOver } from './rules.svelte';

const file = { now: new RulesFile() };

vi.mock('$lib/ipc/commands', () => ({
  rules: async () => file.now.page(),
  setRules: async (args: Parameters<RulesFile['set']>[0]) => file.now.set(args),
  simulate: async (args: Parameters<RulesFile['simulate']>[0]) => file.now.simulate(args, Date.UTC(2026, 10, 26)),
}));

async function opened(): Promise<RulesEditor> {
  const editor = new RulesEditor();
  await editor.load();
  return editor;
}

describe('rules in the window', () => {
  beforeEach(() => {
    file.now = new RulesFile();
    vi.useFakeTimers();
  });

  it('count once they are saved, and not before', async () => {
    const editor = await opened();
    expect(editor.isChanged).toBe(false);
    editor.change((draft) => (draft.away.threshold_s = 300));
    expect(editor.isChanged).toBe(true);
    expect(file.now.rules?.away.threshold_s).toBe(120);
    expect(await editor.save()).toBe(true);
    expect(file.now.rules?.away.threshold_s).toBe(300);
    expect(editor.isChanged).toBe(false);
  });

  it('can be thrown away', async () => {
    const editor = await opened();
    editor.change((draft) => draft.programs.never_disturb.push('factorio'));
    editor.discard();
    expect(editor.draft?.programs.never_disturb).toEqual([]);
    expect(editor.isChanged).toBe(false);
  });

  it('that cannot be are refused with the reason, and stay to be mended', async () => {
    const editor = await opened();
    editor.change((draft) => (draft.away.threshold_s = 0));
    expect(await editor.save()).toBe(false);
    expect(editor.error?.help).toContain('away.threshold_s');
    expect(editor.draft?.away.threshold_s).toBe(0);
  });

  it('do not undo what was written by hand meanwhile', async () => {
    const editor = await opened();
    editor.change((draft) => (draft.away.threshold_s = 300));
    const byHand = structuredClone(file.now.page().defaults);
    file.now.edit({ ...byHand, power: { on_battery: true } });
    expect(await editor.save()).toBe(false);
    expect(editor.error?.code).toBe('changed');
    expect(await editor.save()).toBe(true);
    expect(file.now.rules).toMatchObject({ power: { on_battery: true }, away: { threshold_s: 300 } });
  });

  it('that are loaded again do not undo it either, and keep what was changed', async () => {
    const editor = await opened();
    editor.change((draft) => (draft.away.threshold_s = 300));
    file.now.edit({ ...structuredClone(file.now.page().defaults), power: { on_battery: true } });
    await editor.load();
    expect(editor.draft).toMatchObject({ power: { on_battery: true }, away: { threshold_s: 300 } });
    expect(await editor.save()).toBe(true);
    expect(file.now.rules).toMatchObject({ power: { on_battery: true }, away: { threshold_s: 300 } });
  });

  it('show what the past days would have been, beside what they were', async () => {
    const editor = await opened();
    editor.change((draft) => (draft.schedule.mon = '------|------|------|------'));
    await vi.runAllTimersAsync();
    const outlook = editor.outlook;
    expect(outlook && outlook.held.worksMs - outlook.draft.worksMs).toBe(15 * 3_600_000);
  });

  it('nobody understands can be started over', async () => {
    file.now.rules = null;
    const editor = await opened();
    expect(editor.draft).toBe(null);
    expect(editor.page?.problem).toContain('line 3');
    expect(editor.isChanged).toBe(false);
    editor.startOver();
    expect(editor.isChanged, 'or there would be nothing to press').toBe(true);
    expect(editor.draft).toEqual(editor.page?.defaults);
    expect(await editor.save()).toBe(true);
    expect(file.now.rules).toEqual(editor.page?.defaults);
  });

  it('are laid over others value by value', () => {
    const { defaults } = new RulesFile().page();
    const draft = { ...defaults, heat: { ...defaults.heat, gpu_max_c: 80 } };
    const now = { ...defaults, heat: { ...defaults.heat, cpu_max_c: 70 } };
    expect(changedOver(defaults, draft, now).heat).toEqual({ cpu_max_c: 70, gpu_max_c: 80, resume_below_c: 15 });
  });
});
