// What a person is given to ask for help with, for those who may not ask `ipc`.

import type { Snapshot } from '$lib/bindings/Snapshot';

export { report, type Explained } from '$lib/ipc/errors';

/** How the rig is, for somebody who helps its owner: what the screen shows of its state, in the agent's own words, without names. */
export function rigReport({ agentVersion, phase, sinceMs, link, engine, probes }: Snapshot, nowMs: number): string {
  const reasons = phase.kind === 'waiting' ? phase.reasons.map(({ kind }) => kind) : [];
  return [
    'Headframe',
    `version: ${agentVersion}`,
    `phase: ${[phase.kind, ...reasons].join(', ')}`,
    `since: ${new Date(sinceMs).toISOString()}`,
    `network: ${link.kind}`,
    `engine: ${engine.found ?? 'none'}`,
    ...probes.map(({ name, says, works }) => `probe: ${name}, ${works ? 'works' : 'does not work'}: ${says}`),
    `time: ${new Date(nowMs).toISOString()}`,
  ].join('\n');
}
