// Sizes in binary units, as memory and disks are bought and labelled by the tools owners know.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A size with its unit: `512 B`, `1.5 KiB`, `24 GiB`. */
export function bytes(size: number): string {
  const { value, unit } = scale(size);
  return `${value}\u00a0${unit}`;
}

/** `19.2 / 24 GiB`: both in the unit of the whole. */
export function share(used: number, whole: number): string {
  const power = powerOf(whole);
  return `${digits(used / 1024 ** power)} / ${digits(whole / 1024 ** power)}\u00a0${UNITS[power] ?? 'B'}`;
}

function scale(size: number): { value: string; unit: string } {
  const power = powerOf(size);
  return { value: digits(size / 1024 ** power), unit: UNITS[power] ?? 'B' };
}

function powerOf(size: number): number {
  if (size < 1024) return 0;
  return Math.min(UNITS.length - 1, Math.floor(Math.log2(size) / 10));
}

/** One decimal, and none where it would be zero. */
function digits(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
