// The window's Rust.

import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Host } from './host';

export const tauriHost: Host = {
  call: (command, args) => invoke(command, args === undefined ? undefined : { args }),
  listen: (event, hear) => listen(event, ({ payload }) => hear(payload)),
};
