// What an invented PC has measured of its cards, and what an invented network believes of them.

import type { Benchmark } from '$lib/bindings/Benchmark';
import type { CardProof } from '$lib/bindings/CardProof';
import type { CardView } from '$lib/bindings/CardView';
import type { Figure } from '$lib/bindings/Figure';
import type { GpuView } from '$lib/bindings/GpuView';
import type { Measured } from '$lib/bindings/Measured';

const HOUR_MS = 3_600_000;
const TERA = 1e12;
const GIGA = 1e9;

/** Of a 4090, in the order of a report; other cards have a share of it. */
const FIGURES: [Figure, number, number?][] = [
  ['fma_fp32', 82.6 * TERA],
  ['fma_fp16', 165.1 * TERA],
  ['tensor_fp16', 330.3 * TERA],
  ['tensor_int8', 660.6 * TERA],
  ['gemm_fp16', 155.2 * TERA, 148.9 * TERA],
  ['memory_read', 961.4 * GIGA],
  ['memory_copy', 918.2 * GIGA],
  ['upload', 25.1 * GIGA],
  ['download', 26.2 * GIGA],
];

/** What is known of a card beyond the present. */
export function cardOf(gpu: GpuView, wanted: boolean, nowMs: number): CardView {
  const fu = gpu.fu;
  const common = { gpu: gpu.uuid, measureWanted: wanted };
  // A driver that tells little.
  if (fu === null) return { ...common, tier: gpu.model };
  const place = gpu.uuid === 'GPU-3090' ? '00000000:02:00.0' : '00000000:01:00.0';
  const [limit, capability] = gpu.uuid === 'GPU-3090' ? [300, '8.6'] : [450, '8.9'];
  return {
    ...common, driver: '570.124.06', pci: place, computeCapability: capability, powerLimitW: limit,
    tier: `${gpu.model} (${String(limit)} W)`, benchmark: benchmark(gpu, place, fu / 1_004, nowMs - 26 * HOUR_MS),
  };
}

/** What the network believes: the first card was checked, another not yet. */
export function proofOf(gpu: GpuView, nowMs: number): CardProof {
  if (gpu.uuid !== 'GPU-4090') return { gpu: gpu.uuid };
  return { gpu: gpu.uuid, fu: gpu.fu ?? 0, passedMs: nowMs - 5 * HOUR_MS };
}

function benchmark(gpu: GpuView, place: string, share: number, beganMs: number): Benchmark {
  const spread = (median: number) => ({ median, p10: Math.round(median * 0.991), p90: Math.round(median * 1.004), slices: 40 });
  const measured = FIGURES.map(([figure, burst, sustained]): Measured => ({
    figure, way: 'cuda', burst: spread(Math.round(burst * share)), noisy: figure === 'upload',
    ...(sustained === undefined ? {} : { sustained: spread(Math.round(sustained * share)) }),
  }));
  return {
    version: 2, agent: '0.1.0', outcome: { kind: 'done' }, beganMs, tookMs: 31_400, measured,
    subject: { kind: 'card', id: place, name: gpu.model, class: 'discrete', vendor: 'nvidia', pci: place, uuid: gpu.uuid, driver: 'NVIDIA 570.124.06', powerLimitMilliwatts: 450_000 },
    failed: [{ figure: 'gemm_bf16', way: 'vulkan', message: 'the driver offers no matrix units for bfloat16' }],
    usableVramBytes: gpu.vramBytes - 512 * 1024 ** 2,
    conditions: { clockMhz: 2_520, memoryClockMhz: 10_501, temperatureC: 64, milliwatts: 401_000, throttled: ['power'] },
    fu: gpu.fu ?? 0, milliFuPerWatt: Math.round(2_480 * share),
  };
}
