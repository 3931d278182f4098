// Which system this PC has: some things are done differently in each.

export type System = 'linux' | 'windows' | 'mac';

/** By what the browser says of it; whatever is neither of the others is taken for a Linux. */
export function systemOf(platform: string): System {
  if (/^Win/.test(platform)) return 'windows';
  return /^(Mac|iP)/.test(platform) ? 'mac' : 'linux';
}
