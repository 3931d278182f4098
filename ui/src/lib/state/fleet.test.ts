import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FleetArgs } from '$lib/bindings/FleetArgs';
import type { FleetView } from '$lib/bindings/FleetView';
import { ofMany } from '$lib/ipc/fake/fleet';
import { Fleet } from './fleet.svelte';

const network: { answer: (args: FleetArgs) => Promise<FleetView> } = { answer: () => Promise.reject({ code: 'unexpected', message: '' }) };

vi.mock('$lib/ipc/commands', () => ({ fleet: (args: FleetArgs) => network.answer(args) }));

const NOW = Date.UTC(2026, 10, 23, 12);

describe('the fleet', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    network.answer = (args) => Promise.resolve(ofMany(120, args, NOW));
  });
  afterEach(() => vi.useRealTimers());

  it('is read page by page, and back', async () => {
    const fleet = new Fleet();
    await fleet.refresh();
    expect([fleet.first, fleet.page?.rigs.length, fleet.hasBefore, fleet.hasMore]).toEqual([1, 50, false, true]);
    await fleet.more();
    await fleet.more();
    expect([fleet.first, fleet.page?.rigs.length, fleet.hasBefore, fleet.hasMore]).toEqual([101, 20, true, false]);
    expect(fleet.page?.total.rigs).toBe(120);
    await fleet.more();
    expect(fleet.first).toBe(101);
    await fleet.back();
    expect([fleet.first, fleet.page?.rigs[0]?.name]).toEqual([51, 'rig-051']);
    await fleet.refresh();
    expect(fleet.first).toBe(51);
  });

  it('keeps what was told when nobody answers, and says why', async () => {
    const fleet = new Fleet();
    await fleet.refresh();
    network.answer = () => Promise.resolve({ askedMs: NOW, said: { kind: 'silent' } });
    await fleet.more();
    expect([fleet.loading, fleet.first, fleet.page?.rigs.length]).toEqual(['failed', 1, 50]);
    expect(fleet.trouble?.title).toBe('The network does not answer.');
    network.answer = () => Promise.resolve({ askedMs: NOW, said: { kind: 'refused', message: 'No such rig.' } });
    await fleet.refresh();
    expect(fleet.trouble?.help).toBe('No such rig.');
    network.answer = (args) => Promise.resolve(ofMany(3, args, NOW));
    await fleet.refresh();
    expect([fleet.loading, fleet.trouble]).toEqual(['ready', null]);
  });

  it('does not wait for ever', async () => {
    const fleet = new Fleet();
    network.answer = () => new Promise(() => undefined);
    const asked = fleet.refresh();
    expect(fleet.loading).toBe('loading');
    await vi.advanceTimersByTimeAsync(25_000);
    await asked;
    expect(fleet.loading).toBe('failed');
    expect(fleet.trouble?.title).not.toBe('');
  });

  it('of two answers shows that to the later question', async () => {
    const fleet = new Fleet();
    let late: (view: FleetView) => void = () => undefined;
    network.answer = () => new Promise((resolve) => (late = resolve));
    const first = fleet.refresh();
    network.answer = (args) => Promise.resolve(ofMany(3, args, NOW));
    await fleet.refresh();
    late(ofMany(120, {}, NOW));
    await first;
    expect(fleet.page?.total.rigs).toBe(3);
  });
});
