// How quickly the PC was given back, each time.

import * as commands from '$lib/ipc/commands';
import { Asked } from './asked.svelte';

/** All of them, once they were asked for. */
export const yieldHistory = () => new Asked(commands.yields);
