import { describe, expect, it, vi } from 'vitest';
import type { EarningsArgs } from '$lib/bindings/EarningsArgs';
import { earnings } from '$lib/ipc/fake/earnings';
import { SCENES } from '$lib/ipc/fake/scenes';
import { World } from '$lib/ipc/fake/world';
import { hoursOfDay, hoursOfToday, missing } from './today';

const rig = { world: new World(0) };
vi.mock('$lib/ipc/commands', () => ({ earnings: async (args: EarningsArgs) => earnings(rig.world, args) }));

/** By the clock of this PC, which stands in Tallinn. */
const at = (...time: [year: number, month: number, day: number, hour: number, minute: number]) => new Date(...time).getTime();

describe('today', () => {
  it('has as many hours as the clock lets it have', () => {
    expect(hoursOfDay(at(2026, 10, 23, 0, 0))).toEqual({ begun: 1, all: 24 });
    expect(hoursOfDay(at(2026, 10, 23, 23, 59))).toEqual({ begun: 24, all: 24 });
    // The clock is put forward at 3 on 29 March 2026, and back at 4 on 25 October.
    expect(hoursOfDay(at(2026, 2, 29, 12, 30))).toEqual({ begun: 12, all: 23 });
    expect(hoursOfDay(at(2026, 9, 25, 12, 30))).toEqual({ begun: 14, all: 25 });
  });

  it('is drawn whole, with the hours to come', async () => {
    const now = at(2026, 10, 23, 14, 0);
    vi.useFakeTimers({ now });
    rig.world = new World(now);
    SCENES.find(({ id }) => id === 'many-jobs')?.set(rig.world);
    const hours = hoursOfToday();
    await hours.load();
    const { all: value, highest } = hours.value ?? { all: [], highest: '0' };
    expect(value.length).toBe(24);
    expect(value[0]?.fromMs).toBe(at(2026, 10, 23, 0, 0));
    expect(value.at(-1)?.untilMs).toBe(at(2026, 10, 24, 0, 0));
    const sum = value.reduce((so, bucket) => so + BigInt(bucket.sum.jobs), 0n);
    expect(sum.toString()).toBe(rig.world.snapshot().today.confirmed);
    expect(sum).toBeGreaterThan(0n);
    expect(value.slice(15).every(({ sum }) => sum.attempts === 0)).toBe(true);
    expect(BigInt(highest)).toBeGreaterThan(0n);
    vi.useRealTimers();
  });

  it('tells what its figure lacks, and nothing where it lacks nothing', () => {
    expect(missing({ attempts: 3, unmeasured: 0, unpriced: 0 })).toEqual([]);
    expect(missing({ attempts: 3, unmeasured: 1, unpriced: 2 })).toHaveLength(2);
  });
});
