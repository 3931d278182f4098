// Sizes in binary units, as memory and disks are bought and labelled by the tools owners know. The symbols are international.

import { asRead } from './bidi';
import { decimal } from './number';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A size with its unit: `512 B`, `1.5 KiB`, `24 GiB`. */
export function bytes(size: number): string {
  const power = powerOf(size);
  return asRead(`${decimal(size / 1024 ** power)}\u00a0${UNITS[power] ?? 'B'}`);
}

/** `19.2 / 24 GiB`: both in the unit of the whole. */
export function share(used: number, whole: number): string {
  const power = powerOf(whole);
  return asRead(`${decimal(used / 1024 ** power)} / ${decimal(whole / 1024 ** power)}\u00a0${UNITS[power] ?? 'B'}`);
}

function powerOf(size: number): number {
  if (size < 1024) return 0;
  return Math.min(UNITS.length - 1, Math.floor(Math.log2(size) / 10));
}
