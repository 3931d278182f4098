// Everything the window can ask of Rust, one line each. The names are those of the Rust commands.

import type { BlockArgs } from '$lib/bindings/BlockArgs';
import type { CardPage } from '$lib/bindings/CardPage';
import type { Checkup } from '$lib/bindings/Checkup';
import type { EarnedArgs } from '$lib/bindings/EarnedArgs';
import type { EarnedPage } from '$lib/bindings/EarnedPage';
import type { Earnings } from '$lib/bindings/Earnings';
import type { EarningsArgs } from '$lib/bindings/EarningsArgs';
import type { Exported } from '$lib/bindings/Exported';
import type { DemandView } from '$lib/bindings/DemandView';
import type { DoctorArgs } from '$lib/bindings/DoctorArgs';
import type { FleetArgs } from '$lib/bindings/FleetArgs';
import type { FleetView } from '$lib/bindings/FleetView';
import type { JobPage } from '$lib/bindings/JobPage';
import type { JobsArgs } from '$lib/bindings/JobsArgs';
import type { LogArgs } from '$lib/bindings/LogArgs';
import type { LogChunk } from '$lib/bindings/LogChunk';
import type { NetworkAnswer } from '$lib/bindings/NetworkAnswer';
import type { NetworkRequest } from '$lib/bindings/NetworkRequest';
import type { Notices } from '$lib/bindings/Notices';
import type { NoticesPage } from '$lib/bindings/NoticesPage';
import type { OpenedLink } from '$lib/bindings/OpenedLink';
import type { OpenPlaceArgs } from '$lib/bindings/OpenPlaceArgs';
import type { MeasureArgs } from '$lib/bindings/MeasureArgs';
import type { PauseArgs } from '$lib/bindings/PauseArgs';
import type { Places } from '$lib/bindings/Places';
import type { Present } from '$lib/bindings/Present';
import type { RulesPage } from '$lib/bindings/RulesPage';
import type { SetRulesArgs } from '$lib/bindings/SetRulesArgs';
import type { SheetOf } from '$lib/bindings/SheetOf';
import type { SimulateArgs } from '$lib/bindings/SimulateArgs';
import type { Simulation } from '$lib/bindings/Simulation';
import type { Support } from '$lib/bindings/Support';
import type { UnblockArgs } from '$lib/bindings/UnblockArgs';
import type { WalletAnswer } from '$lib/bindings/WalletAnswer';
import type { WalletRequest } from '$lib/bindings/WalletRequest';
import type { Yields } from '$lib/bindings/Yields';
import { host } from './host';
import type { VirtualAnswer, VirtualRequest } from './virtual';

export const present = () => call<Present>('present');
export const start = () => call<null>('start');
export const pause = (args: PauseArgs) => call<null>('pause', args);
export const finish = () => call<null>('finish');
export const jobs = (args: JobsArgs) => call<JobPage>('jobs', args);
export const log = (args: LogArgs) => call<LogChunk>('log', args);
export const yields = () => call<Yields>('yields');
export const doctor = (args: DoctorArgs) => call<Checkup>('doctor', args);
export const measure = () => call<null>('measure');
export const network = (args: NetworkRequest) => call<NetworkAnswer>('network', args);
export const simulate = (args: SimulateArgs) => call<Simulation>('simulate', args);
export const demand = () => call<DemandView>('demand');
export const fleet = (args: FleetArgs) => call<FleetView>('fleet', args);
export const cards = () => call<CardPage>('cards');
export const measureAgain = (args: MeasureArgs) => call<CardPage>('measure_again', args);
export const rules = () => call<RulesPage>('rules');
export const setRules = (args: SetRulesArgs) => call<RulesPage>('set_rules', args);
export const block = (args: BlockArgs) => call<RulesPage>('block', args);
export const unblock = (args: UnblockArgs) => call<RulesPage>('unblock', args);
export const earnings = (args: EarningsArgs) => call<Earnings>('earnings', args);
export const earned = (args: EarnedArgs) => call<EarnedPage>('earned', args);
export const exportEarnings = (args: SheetOf) => call<Exported>('export_earnings', args);
export const wallet = (args: WalletRequest) => call<WalletAnswer>('wallet', args);
/** No command of Rust yet: the host answers by itself. */
export const virtual = async (request: VirtualRequest): Promise<VirtualAnswer> => (await host()).virtual(request);
export const notices = () => call<NoticesPage>('notices');
export const setNotices = (args: Notices) => call<NoticesPage>('set_notices', args);
export const support = () => call<Support>('support');
export const places = () => call<Places>('places');
export const openPlace = (args: OpenPlaceArgs) => call<null>('open_place', args);
/** The link that somebody has opened this window with; told once. */
export const openedLink = () => call<OpenedLink | null>('opened_link');
export const startAgent = () => call<null>('start_agent');

async function call<T>(command: string, args?: unknown): Promise<T> {
  return (await (await host()).call(command, args)) as T;
}
