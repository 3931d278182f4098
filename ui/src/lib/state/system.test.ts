import { expect, test } from 'vitest';
import { systemOf } from './system';

test.each([
  ['Win32', 'windows'], ['MacIntel', 'mac'], ['iPad', 'mac'], ['Linux x86_64', 'linux'], ['FreeBSD amd64', 'linux'], ['', 'linux'],
] as const)('%j is %s', (platform, system) => {
  expect(systemOf(platform)).toBe(system);
});
