//! What the page may ask for. Every command is one line: what it means is the agent's business.

use headframe_protocol::control::{
    CardPage, Checkup, ControlError, DemandView, JobPage, JobsArgs, LogArgs, LogChunk, MeasureArgs, PauseArgs, Present,
    RulesPage, SetRulesArgs, SimulateArgs, Simulation, WalletAnswer, WalletRequest, Yields,
};
use tauri::State;

use crate::bridge::Bridge;

/// What is known of the agent now.
#[tauri::command]
pub(crate) async fn present(bridge: State<'_, Bridge>) -> Result<Present, ControlError> {
    bridge.present().await
}

/// Take work whenever the owner is away.
#[tauri::command]
pub(crate) async fn start(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    Ok(bridge.agent().await?.start().await?)
}

/// Take no work, and give back what runs.
#[tauri::command]
pub(crate) async fn pause(bridge: State<'_, Bridge>, args: PauseArgs) -> Result<(), ControlError> {
    Ok(bridge.agent().await?.pause(args).await?)
}

/// Finish what runs, then stop taking work.
#[tauri::command]
pub(crate) async fn finish(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    Ok(bridge.agent().await?.finish().await?)
}

/// Past and present jobs, newest first.
#[tauri::command]
pub(crate) async fn jobs(bridge: State<'_, Bridge>, args: JobsArgs) -> Result<JobPage, ControlError> {
    Ok(bridge.agent().await?.jobs(args).await?)
}

/// A piece of one attempt's log.
#[tauri::command]
pub(crate) async fn log(bridge: State<'_, Bridge>, args: LogArgs) -> Result<LogChunk, ControlError> {
    Ok(bridge.agent().await?.log(args).await?)
}

/// How quickly the PC was given back.
#[tauri::command]
pub(crate) async fn yields(bridge: State<'_, Bridge>) -> Result<Yields, ControlError> {
    Ok(bridge.agent().await?.yields().await?)
}

/// Whether this PC can be a rig, looked at anew.
#[tauri::command]
pub(crate) async fn doctor(bridge: State<'_, Bridge>) -> Result<Checkup, ControlError> {
    Ok(bridge.agent().await?.doctor().await?)
}

/// What rules would have done in the past days.
#[tauri::command]
pub(crate) async fn simulate(bridge: State<'_, Bridge>, args: SimulateArgs) -> Result<Simulation, ControlError> {
    Ok(bridge.agent().await?.simulate(args).await?)
}

/// What the network has for the rig to do.
#[tauri::command]
pub(crate) async fn demand(bridge: State<'_, Bridge>) -> Result<DemandView, ControlError> {
    Ok(bridge.agent().await?.demand().await?)
}

/// What is known of the graphics cards.
#[tauri::command]
pub(crate) async fn cards(bridge: State<'_, Bridge>) -> Result<CardPage, ControlError> {
    Ok(bridge.agent().await?.cards().await?)
}

/// Measure a card again.
#[tauri::command]
pub(crate) async fn measure(bridge: State<'_, Bridge>, args: MeasureArgs) -> Result<CardPage, ControlError> {
    Ok(bridge.agent().await?.measure(args).await?)
}

/// The owner's rules.
#[tauri::command]
pub(crate) async fn rules(bridge: State<'_, Bridge>) -> Result<RulesPage, ControlError> {
    Ok(bridge.agent().await?.rules().await?)
}

/// Other rules from now on.
#[tauri::command]
pub(crate) async fn set_rules(bridge: State<'_, Bridge>, args: SetRulesArgs) -> Result<RulesPage, ControlError> {
    Ok(bridge.agent().await?.set_rules(args).await?)
}

/// Something about the wallet. What it refuses is an answer too.
#[tauri::command]
pub(crate) async fn wallet(bridge: State<'_, Bridge>, args: WalletRequest) -> Result<WalletAnswer, ControlError> {
    Ok(bridge.agent().await?.wallet(args).await?)
}

/// Starts the agent, if none answers.
#[tauri::command]
pub(crate) async fn start_agent(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    bridge.start_agent().await
}
