import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RulesFile } from '$lib/ipc/fake/rules';
import { Blocklist } from './blocklist.svelte';

const file = { now: new RulesFile(), gone: false };
const CUSTOMER = 'psn_000000000000000000000000000000a1';

vi.mock('$lib/ipc/commands', () => ({
  rules: async () => file.now.page(),
  block: async () => {
    if (file.gone) throw { code: 'not_found', message: 'There is no such attempt here.' };
    return file.now.block(CUSTOMER, 'Shot 12', Date.UTC(2026, 10, 26));
  },
  unblock: async ({ customer }: { customer: string }) => file.now.unblock(customer),
}));

describe('customers of whom no more is taken', () => {
  beforeEach(() => {
    file.now = new RulesFile();
    file.gone = false;
  });

  it('are not known before they are asked for', async () => {
    const list = new Blocklist();
    expect(list.has(CUSTOMER)).toBe(null);
    await list.load();
    expect(list.has(CUSTOMER)).toBe(false);
  });

  it('are blocked once, and taken again', async () => {
    const list = new Blocklist();
    expect(await list.block('att_1', false)).toBe(true);
    expect(await list.block('att_1', false)).toBe(true);
    expect(list.has(CUSTOMER)).toBe(true);
    expect(file.now.rules?.jobs.blocked).toEqual([{ customer: CUSTOMER, job: 'Shot 12', since: '2026-11-26T00:00:00.000Z' }]);
    expect(await list.unblock(CUSTOMER)).toBe(true);
    expect(list.has(CUSTOMER)).toBe(false);
  });

  it('stay as they were when a change fails, and the reason is told', async () => {
    const list = new Blocklist();
    await list.load();
    file.gone = true;
    expect(await list.block('att_1', true)).toBe(false);
    expect(list.has(CUSTOMER)).toBe(false);
    expect(list.error?.code).toBe('not_found');
    expect(list.isBusy).toBe(false);
  });

  it('are not known while nobody understands the rules', async () => {
    const list = new Blocklist();
    file.now.rules = null;
    await list.load();
    expect(list.has(CUSTOMER)).toBe(null);
  });
});
