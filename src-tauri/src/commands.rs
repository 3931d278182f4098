//! What the page may ask for. Every command is one line: what it means is the agent's business.

use headframe_protocol::control::{
    BlockArgs, CardPage, Checkup, ControlError, DemandView, DoctorArgs, EarnedArgs, EarnedPage, Earnings, EarningsArgs, Exported,
    FleetArgs, FleetView, JobPage, JobsArgs, LogArgs, LogChunk, MeasureArgs, NetworkAnswer, NetworkRequest, Notices, NoticesPage,
    OpenPlaceArgs, OpenedLink, PauseArgs, Places, Present, RulesPage, SetRulesArgs, SheetOf, SimulateArgs, Simulation, Support,
    UnblockArgs, WalletAnswer, WalletRequest, Yields,
};
use tauri::{AppHandle, State};

use crate::{
    bridge::{Bridge, Errand},
    export,
    link::Links,
    places,
};

/// What is known of the agent now.
#[tauri::command]
pub(crate) async fn present(bridge: State<'_, Bridge>) -> Result<Present, ControlError> {
    bridge.present().await
}

/// Take work whenever the owner is away.
#[tauri::command]
pub(crate) async fn start(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    Ok(bridge.agent(Errand::Order).await?.start().await?)
}

/// Take no work, and give back what runs.
#[tauri::command]
pub(crate) async fn pause(bridge: State<'_, Bridge>, args: PauseArgs) -> Result<(), ControlError> {
    Ok(bridge.agent(Errand::Order).await?.pause(args).await?)
}

/// Finish what runs, then stop taking work.
#[tauri::command]
pub(crate) async fn finish(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    Ok(bridge.agent(Errand::Order).await?.finish().await?)
}

/// Past and present jobs, newest first.
#[tauri::command]
pub(crate) async fn jobs(bridge: State<'_, Bridge>, args: JobsArgs) -> Result<JobPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.jobs(args).await?)
}

/// A piece of one attempt's log.
#[tauri::command]
pub(crate) async fn log(bridge: State<'_, Bridge>, args: LogArgs) -> Result<LogChunk, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.log(args).await?)
}

/// How quickly the PC was given back.
#[tauri::command]
pub(crate) async fn yields(bridge: State<'_, Bridge>) -> Result<Yields, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.yields().await?)
}

/// Whether this PC can be a rig, looked at anew.
#[tauri::command]
pub(crate) async fn doctor(bridge: State<'_, Bridge>, args: DoctorArgs) -> Result<Checkup, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.doctor(args).await?)
}

/// Find out now what this PC can do.
#[tauri::command]
pub(crate) async fn measure(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    Ok(bridge.agent(Errand::Order).await?.measure().await?)
}

/// Something about the network. What it refuses is an answer too.
#[tauri::command]
pub(crate) async fn network(bridge: State<'_, Bridge>, args: NetworkRequest) -> Result<NetworkAnswer, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.network(args).await?)
}

/// What rules would have done in the past days.
#[tauri::command]
pub(crate) async fn simulate(bridge: State<'_, Bridge>, args: SimulateArgs) -> Result<Simulation, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.simulate(args).await?)
}

/// What the network has for the rig to do.
#[tauri::command]
pub(crate) async fn demand(bridge: State<'_, Bridge>) -> Result<DemandView, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.demand().await?)
}

/// Which rigs are of one owner with this one.
#[tauri::command]
pub(crate) async fn fleet(bridge: State<'_, Bridge>, args: FleetArgs) -> Result<FleetView, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.fleet(args).await?)
}

/// What is known of the graphics cards.
#[tauri::command]
pub(crate) async fn cards(bridge: State<'_, Bridge>) -> Result<CardPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.cards().await?)
}

/// Measure a card again.
#[tauri::command]
pub(crate) async fn measure_again(bridge: State<'_, Bridge>, args: MeasureArgs) -> Result<CardPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.measure_again(args).await?)
}

/// The owner's rules.
#[tauri::command]
pub(crate) async fn rules(bridge: State<'_, Bridge>) -> Result<RulesPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.rules().await?)
}

/// Other rules from now on.
#[tauri::command]
pub(crate) async fn set_rules(bridge: State<'_, Bridge>, args: SetRulesArgs) -> Result<RulesPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.set_rules(args).await?)
}

/// No more jobs of the customer of an attempt.
#[tauri::command]
pub(crate) async fn block(bridge: State<'_, Bridge>, args: BlockArgs) -> Result<RulesPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.block(args).await?)
}

/// Jobs of a customer again.
#[tauri::command]
pub(crate) async fn unblock(bridge: State<'_, Bridge>, args: UnblockArgs) -> Result<RulesPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.unblock(args).await?)
}

/// Sums of what was earned.
#[tauri::command]
pub(crate) async fn earnings(bridge: State<'_, Bridge>, args: EarningsArgs) -> Result<Earnings, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.earnings(args).await?)
}

/// The attempts of some time, each with what proves it.
#[tauri::command]
pub(crate) async fn earned(bridge: State<'_, Bridge>, args: EarnedArgs) -> Result<EarnedPage, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.earned(args).await?)
}

/// What was earned, written into a new file among the owner's downloads.
#[tauri::command]
pub(crate) async fn export_earnings(bridge: State<'_, Bridge>, app: AppHandle, args: SheetOf) -> Result<Exported, ControlError> {
    export::earnings(&mut *bridge.agent(Errand::Inquiry).await?, &export::folder(&app)?, args).await
}

/// Something about the wallet. What it refuses is an answer too.
#[tauri::command]
pub(crate) async fn wallet(bridge: State<'_, Bridge>, args: WalletRequest) -> Result<WalletAnswer, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.wallet(args).await?)
}

/// Of what the desktop tells the owner.
#[tauri::command]
pub(crate) async fn notices(bridge: State<'_, Bridge>) -> Result<NoticesPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.notices().await?)
}

/// Of other things from now on.
#[tauri::command]
pub(crate) async fn set_notices(bridge: State<'_, Bridge>, args: Notices) -> Result<NoticesPage, ControlError> {
    Ok(bridge.agent(Errand::Look).await?.set_notices(args).await?)
}

/// A text for somebody who helps the owner.
#[tauri::command]
pub(crate) async fn support(bridge: State<'_, Bridge>) -> Result<Support, ControlError> {
    Ok(bridge.agent(Errand::Inquiry).await?.support().await?)
}

/// Where this PC keeps what is ours. Asked of nobody: it must be known when there is no agent, too.
#[tauri::command(async)]
pub(crate) fn places(bridge: State<'_, Bridge>) -> Places {
    places::look(bridge.paths())
}

/// Shows a folder of ours.
#[tauri::command(async)]
pub(crate) fn open_place(bridge: State<'_, Bridge>, args: OpenPlaceArgs) -> Result<(), ControlError> {
    places::open(bridge.paths(), args.place)
}

/// The link that somebody has opened this window with, once.
#[tauri::command]
pub(crate) fn opened_link(links: State<'_, Links>) -> Option<OpenedLink> {
    links.take()
}

/// Starts the agent, if none answers.
#[tauri::command]
pub(crate) async fn start_agent(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    bridge.start_agent().await
}
