// Invented hardware.

import type { CpuView } from '$lib/bindings/CpuView';
import type { GpuView } from '$lib/bindings/GpuView';

const GIB = 1024 ** 3;

/** A desktop processor. */
export function desktop(): CpuView {
  return { model: 'AMD Ryzen 7 5800X 8-Core Processor', cores: 16, loadPercent: 6, memoryUsedBytes: 7.4 * GIB, memoryBytes: 32 * GIB };
}

/** A laptop or small server without a GPU. */
export function small(): CpuView {
  return { model: 'Intel(R) Core(TM) i5-10400 CPU @ 2.90GHz', cores: 12, loadPercent: 4, memoryUsedBytes: 3.1 * GIB, memoryBytes: 16 * GIB };
}

export function rtx4090(): GpuView {
  return gpu('GPU-4090', 'NVIDIA GeForce RTX 4090', 1004);
}

export function rtx3090(): GpuView {
  return gpu('GPU-3090', 'NVIDIA GeForce RTX 3090', 548);
}

/** A card whose driver tells little: what was not measured must read as not measured. */
export function arc(): GpuView {
  return {
    uuid: 'GPU-A380', model: 'Intel Arc A380', fu: null, temperatureC: 44, fanPercent: null, powerMilliwatts: null, loadPercent: null,
    vramUsedBytes: 0.4 * GIB, vramBytes: 6 * GIB,
  };
}

/** Sets the figures of a card to those of a working or a resting one; `second` makes them breathe a little. */
export function breathe(card: GpuView, busy: boolean, second: number) {
  const wave = Math.round(Math.sin(second / 7) * 2);
  if (card.fanPercent === null) return;
  card.temperatureC = busy ? 62 + wave : 34;
  card.fanPercent = busy ? 46 + wave : 0;
  card.powerMilliwatts = busy ? 312_000 + wave * 3_100 : 21_000;
  card.loadPercent = busy ? 97 + Math.sign(wave) : 0;
  card.coreClockMhz = busy ? 2_520 + wave * 15 : 210;
  card.memoryClockMhz = busy ? 10_501 : 405;
  card.vramUsedBytes = (busy ? 19.2 : 0.6) * GIB;
}

function gpu(uuid: string, model: string, fu: number): GpuView {
  return { uuid, model, fu, temperatureC: 34, fanPercent: 0, powerMilliwatts: 21_000, loadPercent: 0, vramUsedBytes: 0.6 * GIB, vramBytes: 24 * GIB };
}
