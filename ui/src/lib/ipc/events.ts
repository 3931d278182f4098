// Everything Rust tells without being asked.

import type { ControlError } from '$lib/bindings/ControlError';
import type { Snapshot } from '$lib/bindings/Snapshot';
import { host, type Unlisten } from './host';

export const onSnapshot = (hear: (snapshot: Snapshot) => void) => listen('snapshot', hear);
export const onAgentGone = (hear: (error: ControlError) => void) => listen('agent-gone', hear);

async function listen<T>(event: string, hear: (payload: T) => void): Promise<Unlisten> {
  return (await host()).listen(event, (payload) => hear(payload as T));
}
