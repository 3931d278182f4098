import { expect, test } from 'vitest';
import type { Measured } from '$lib/bindings/Measured';
import { rows } from './measured';

const spread = (median: number) => ({ median, p10: median * 0.9, p90: median * 1.1, slices: 40 });
const one = (way: string, median: number, more: Partial<Measured> = {}): Measured => ({ figure: 'fma_fp32', way, burst: spread(median), noisy: false, ...more });

test('of a figure the quickest way is shown, in the order of the report', () => {
  const memory: Measured = { ...one('cuda', 961e9, { noisy: true }), figure: 'memory_read' };
  const table = rows({ measured: [one('vulkan', 70e12), memory, one('cuda', 80e12, { sustained: spread(78e12) })] });
  expect(table.map(({ figure, way }) => [figure, way])).toEqual([['fma_fp32', 'cuda'], ['memory_read', 'cuda']]);
  expect(table.map(({ noisy }) => noisy)).toEqual([false, true]);
  expect(table[0]?.sustained?.replaceAll('\u00a0', ' ')).toBe('78 TOP/s');
  expect(table[1]?.sustained).toBeNull();
  expect(table[1]?.burst.replaceAll('\u00a0', ' ')).toBe('961 GB/s');
});
