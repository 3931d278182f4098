// The window's Rust.

import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Host } from './host';
import type { VirtualAnswer } from './virtual';

/** No network has contracts for virtual rigs, so there is nobody in Rust to ask yet. */
const NOT_OFFERED: VirtualAnswer = { kind: 'not_offered' };

export const tauriHost: Host = {
  call: (command, args) => invoke(command, args === undefined ? undefined : { args }),
  virtual: () => Promise.resolve(NOT_OFFERED),
  listen: (event, hear) => listen(event, ({ payload }) => hear(payload)),
};
