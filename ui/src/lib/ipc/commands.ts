// Everything the window can ask of Rust, one line each. The names are those of the Rust commands.

import type { JobPage } from '$lib/bindings/JobPage';
import type { JobsArgs } from '$lib/bindings/JobsArgs';
import type { LogArgs } from '$lib/bindings/LogArgs';
import type { LogChunk } from '$lib/bindings/LogChunk';
import type { PauseArgs } from '$lib/bindings/PauseArgs';
import type { Present } from '$lib/bindings/Present';
import type { Yields } from '$lib/bindings/Yields';
import { host } from './host';

export const present = () => call<Present>('present');
export const start = () => call<null>('start');
export const pause = (args: PauseArgs) => call<null>('pause', args);
export const finish = () => call<null>('finish');
export const jobs = (args: JobsArgs) => call<JobPage>('jobs', args);
export const log = (args: LogArgs) => call<LogChunk>('log', args);
export const yields = () => call<Yields>('yields');
export const startAgent = () => call<null>('start_agent');

async function call<T>(command: string, args?: unknown): Promise<T> {
  return (await (await host()).call(command, args)) as T;
}
