// Everything Rust tells without being asked.

import type { Present } from '$lib/bindings/Present';
import { host, type Unlisten } from './host';

export const onPresent = (hear: (present: Present) => void) => listen('present', hear);

/** Somebody has opened a link with this window; `openedLink` has it. */
export const onLink = (hear: () => void) => listen<unknown>('link', hear);

async function listen<T>(event: string, hear: (payload: T) => void): Promise<Unlisten> {
  return (await host()).listen(event, (payload) => hear(payload as T));
}
