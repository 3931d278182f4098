// A fingerprint as people compare it: in small groups, with nothing left out.

const GROUP = 4;

/** `0x5aE7 C1f2 …`. */
export function grouped(key: string): string {
  const [prefix, digits] = key.startsWith('0x') ? [key.slice(0, 2), key.slice(2)] : ['', key];
  const groups = digits.match(new RegExp(`.{1,${GROUP}}`, 'gu')) ?? [];
  return prefix + groups.join(' ');
}
