import { expect, test } from 'vitest';
import type { GpuView } from '$lib/bindings/GpuView';
import type { Snapshot } from '$lib/bindings/Snapshot';
import { ROOM, Samples } from './samples.svelte';

const card = (change: Partial<GpuView> = {}): GpuView => ({
  uuid: 'GPU-1', model: 'a card', fu: null, temperatureC: 50, fanPercent: null, powerMilliwatts: 200_000, loadPercent: null,
  vramUsedBytes: 0, vramBytes: 1, ...change,
});
const measuring = (revision: number, what: string, gpu = card()) =>
  ({ revision, phase: { kind: 'benchmarking', what, percent: 1, leftS: 1 }, rig: { cpu: { loadPercent: 90 }, gpus: [gpu] } }) as Snapshot;

test('only what a driver tells is drawn, the newest last, and no snapshot twice', () => {
  const samples = new Samples();
  samples.take(measuring(1, 'a card'));
  samples.take(measuring(1, 'a card'));
  samples.take(measuring(2, 'a card', card({ powerMilliwatts: 310_500, temperatureC: null })));
  expect(samples.traces).toEqual([{ id: 'power', values: [200, 310.5] }, { id: 'temperature', values: [50] }]);
});

test('the processor has its own load, and what came before another subject is forgotten', () => {
  const samples = new Samples();
  samples.take(measuring(1, 'a card'));
  samples.take(measuring(2, 'a processor'));
  expect(samples.traces).toEqual([{ id: 'load', values: [90] }]);
});

test('of two cards with one name the one that is measured is drawn', () => {
  const gpus = [card({ powerMilliwatts: 20_000 }), card({ uuid: 'GPU-2', powerMilliwatts: 300_000 })];
  const turn = (revision: number, gpu: string) =>
    ({ revision, phase: { kind: 'benchmarking', what: 'a card', gpu, percent: 1, leftS: 1 }, rig: { cpu: { loadPercent: 90 }, gpus } }) as unknown as Snapshot;
  const samples = new Samples();
  samples.take(turn(1, 'GPU-1'));
  samples.take(turn(2, 'GPU-2'));
  expect(samples.traces.find(({ id }) => id === 'power')?.values).toEqual([300]);
});

test('a long measurement keeps its newest part', () => {
  const samples = new Samples();
  for (let revision = 1; revision <= ROOM + 5; revision += 1) samples.take(measuring(revision, 'a card', card({ temperatureC: revision })));
  const temperatures = samples.traces.find(({ id }) => id === 'temperature')?.values ?? [];
  expect([temperatures.length, temperatures.at(-1)]).toEqual([ROOM, ROOM + 5]);
});
