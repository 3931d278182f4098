import { expect, test } from 'vitest';
import { megahertz, rate, rates } from './rate';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test.each([
  [0, 'operations', '0 OP/s'],
  [999, 'bytes', '999 B/s'],
  [961.4e9, 'bytes', '961 GB/s'],
  [999.7e9, 'bytes', '1 TB/s'],
  [82.58e12, 'operations', '82.6 TOP/s'],
  [2.5e21, 'operations', '2500 EOP/s'],
] as const)('%d %s a second read as %s', (perSecond, counting, text) => {
  expect(plain(rate(perSecond, counting))).toBe(text);
});

test('a spread is told in the unit of its greater end', () => {
  expect(plain(rates(0.9e12, 1.02e12, 'operations'))).toBe('0.9–1.02 TOP/s');
  expect(plain(rates(961e9, 999.9e9, 'bytes'))).toBe('0.961–1 TB/s');
});

test('clocks are grouped as numbers are', () => {
  expect(megahertz(2_520)).toEqual({ value: '2,520', unit: 'MHz' });
});
