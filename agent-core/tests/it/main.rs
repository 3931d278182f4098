//! The whole agent with a fake coordinator at one end and a fake engine at the other.

#[cfg(target_os = "linux")]
mod benchmark;
mod challenge;
mod control;
mod coordinator;
mod crash;
mod demand;
mod doctor;
mod earnings;
mod fleet;
mod money_news;
mod networks;
mod prover;
#[cfg(target_os = "linux")]
mod proving;
mod rig;
mod session;
mod simulate;
#[cfg(target_os = "linux")]
mod tray;
mod walk;
mod wallet;
mod wallet_chain;
mod wallet_crash;
#[cfg(target_os = "linux")]
mod wallet_keyring;
mod wallet_office;
#[cfg(unix)]
mod wallet_process;
#[cfg(unix)]
mod wallet_secrets;
