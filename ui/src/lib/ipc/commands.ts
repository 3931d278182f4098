// Everything the window can ask of Rust, one line each. The names are those of the Rust commands.

import type { CardPage } from '$lib/bindings/CardPage';
import type { Checkup } from '$lib/bindings/Checkup';
import type { DemandView } from '$lib/bindings/DemandView';
import type { JobPage } from '$lib/bindings/JobPage';
import type { JobsArgs } from '$lib/bindings/JobsArgs';
import type { LogArgs } from '$lib/bindings/LogArgs';
import type { LogChunk } from '$lib/bindings/LogChunk';
import type { MeasureArgs } from '$lib/bindings/MeasureArgs';
import type { PauseArgs } from '$lib/bindings/PauseArgs';
import type { Present } from '$lib/bindings/Present';
import type { RulesPage } from '$lib/bindings/RulesPage';
import type { SetRulesArgs } from '$lib/bindings/SetRulesArgs';
import type { SimulateArgs } from '$lib/bindings/SimulateArgs';
import type { Simulation } from '$lib/bindings/Simulation';
import type { WalletAnswer } from '$lib/bindings/WalletAnswer';
import type { WalletRequest } from '$lib/bindings/WalletRequest';
import type { Yields } from '$lib/bindings/Yields';
import { host } from './host';

export const present = () => call<Present>('present');
export const start = () => call<null>('start');
export const pause = (args: PauseArgs) => call<null>('pause', args);
export const finish = () => call<null>('finish');
export const jobs = (args: JobsArgs) => call<JobPage>('jobs', args);
export const log = (args: LogArgs) => call<LogChunk>('log', args);
export const yields = () => call<Yields>('yields');
export const doctor = () => call<Checkup>('doctor');
export const simulate = (args: SimulateArgs) => call<Simulation>('simulate', args);
export const demand = () => call<DemandView>('demand');
export const cards = () => call<CardPage>('cards');
export const measure = (args: MeasureArgs) => call<CardPage>('measure', args);
export const rules = () => call<RulesPage>('rules');
export const setRules = (args: SetRulesArgs) => call<RulesPage>('set_rules', args);
export const wallet = (args: WalletRequest) => call<WalletAnswer>('wallet', args);
export const startAgent = () => call<null>('start_agent');

async function call<T>(command: string, args?: unknown): Promise<T> {
  return (await (await host()).call(command, args)) as T;
}
