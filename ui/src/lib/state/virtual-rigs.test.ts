import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeVirtualRigs } from '$lib/ipc/fake/virtual';
import { tauriHost } from '$lib/ipc/tauri';
import type { VirtualRequest } from '$lib/ipc/virtual';
import { VirtualRigs } from './virtual-rigs.svelte';

const START = Date.UTC(2026, 10, 23);
const network = { now: new FakeVirtualRigs(START) };

vi.mock('$lib/ipc/commands', () => ({ virtual: async (request: VirtualRequest) => network.now.answer(request, Date.now()) }));

async function opened(): Promise<VirtualRigs> {
  const virtual = new VirtualRigs();
  await virtual.load();
  return virtual;
}

describe('virtual rigs in the window', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: START });
    network.now = new FakeVirtualRigs(START);
  });

  it('are not offered by the window’s own host, which asks nobody', async () => {
    expect(await tauriHost.virtual({ kind: 'show' })).toEqual({ kind: 'not_offered' });
    network.now.offered = false;
    const virtual = await opened();
    expect([virtual.offered, virtual.holdings, virtual.loading]).toEqual([false, null, 'ready']);
  });

  it('are bought only when every risk was understood', async () => {
    const virtual = await opened();
    const draft = await virtual.prepare({ act: 'buy', pool: 7, fu: 100 });
    if (!('id' in draft)) throw new Error('it is for sale');
    expect(await virtual.agree(draft, draft.risks.slice(1))).toEqual({ code: 'not_understood' });
    expect(virtual.holdings?.rigs).toHaveLength(1);
    expect(await virtual.agree(draft, draft.risks)).toBeNull();
    expect(virtual.holdings?.rigs).toHaveLength(2);
    expect(await virtual.agree(draft, draft.risks), 'once').toEqual({ code: 'draft_gone' });
  });

  it('are not sold beyond what is verified, nor while nobody has verified it', async () => {
    const virtual = await opened();
    expect(await virtual.prepare({ act: 'buy', pool: 7, fu: 220 })).toEqual({ code: 'sold_out' });
    expect(await virtual.prepare({ act: 'buy', pool: 4, fu: 1 })).toEqual({ code: 'stale' });
  });

  it('come with a table in which somebody loses all of it', async () => {
    const draft = await (await opened()).prepare({ act: 'buy', pool: 9, fu: 1_000 });
    if (!('id' in draft)) throw new Error('it is for sale');
    const nobody = draft.scenarios.find(({ assumes }) => assumes === 'no_work');
    expect(nobody).toMatchObject({ revenue: '0', net: '0', difference: `-${draft.amount}` });
  });
});
