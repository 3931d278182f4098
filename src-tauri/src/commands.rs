//! What the page may ask for. Every command is one line: what it means is the agent's business.

use headframe_protocol::control::{
    Checkup, ControlError, JobPage, JobsArgs, LogArgs, LogChunk, NetworkAnswer, NetworkRequest, PauseArgs, Present, RulesPage,
    SetRulesArgs, SimulateArgs, Simulation, WalletAnswer, WalletRequest, Yields,
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

/// Find out now what this PC can do.
#[tauri::command]
pub(crate) async fn measure(bridge: State<'_, Bridge>) -> Result<(), ControlError> {
    Ok(bridge.agent().await?.measure().await?)
}

/// Something about the network. What it refuses is an answer too.
#[tauri::command]
pub(crate) async fn network(bridge: State<'_, Bridge>, args: NetworkRequest) -> Result<NetworkAnswer, ControlError> {
    Ok(bridge.agent().await?.network(args).await?)
}

/// What rules would have done in the past days.
#[tauri::command]
pub(crate) async fn simulate(bridge: State<'_, Bridge>, args: SimulateArgs) -> Result<Simulation, ControlError> {
    Ok(bridge.agent().await?.simulate(args).await?)
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
