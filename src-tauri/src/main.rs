//! The window beside the agent.
//!
//! It shows what the agent says and passes on what the owner asks for. It decides nothing and keeps nothing but its
//! own place on the screen and how its owner wants it to look and speak: closing or killing it touches neither a job nor a key.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod bridge;
mod commands;
mod error;
mod export;
mod fence;
mod link;
mod places;

use std::path::PathBuf;

use clap::Parser;
use headframe_control::AgentPaths;
use tauri::{App, AppHandle, Manager as _};
use tauri_plugin_window_state::StateFlags;

use crate::{bridge::Bridge, link::Links};

/// The Headframe window.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The agent's data directory. Default: the environment's HEADFRAME_AGENT_DIR, else this user's own.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// An operator's link, to be looked at before anything is joined. It comes from strangers: beside it nothing else is taken.
    #[arg(value_name = "LINK", conflicts_with = "data_dir")]
    link: Option<String>,
}

fn main() -> anyhow::Result<()> {
    tell_the_web_engine();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    let Args { data_dir, link } = Args::parse();
    let paths = AgentPaths::resolve(data_dir)?;
    #[expect(clippy::disallowed_methods, reason = "the macro brings its own; it is not reached where the UI is embedded")]
    let mut context = tauri::generate_context!();
    // One window per agent. Windows find one another by this name, and keep their place on the screen under it.
    context.config_mut().identifier.push_str(&instance_suffix(&paths));

    let bridge = Bridge::new(paths);
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, args, _directory| link::started_again(app, args)))
        .plugin(tauri_plugin_window_state::Builder::new().with_state_flags(StateFlags::all() - StateFlags::VISIBLE).build())
        .manage(bridge.clone())
        .manage(Links::new(link.as_deref()))
        .invoke_handler(tauri::generate_handler![
            commands::present,
            commands::start,
            commands::pause,
            commands::finish,
            commands::jobs,
            commands::log,
            commands::yields,
            commands::doctor,
            commands::measure,
            commands::network,
            commands::simulate,
            commands::demand,
            commands::fleet,
            commands::cards,
            commands::measure_again,
            commands::rules,
            commands::set_rules,
            commands::block,
            commands::unblock,
            commands::earnings,
            commands::earned,
            commands::export_earnings,
            commands::wallet,
            commands::notices,
            commands::set_notices,
            commands::support,
            commands::places,
            commands::open_place,
            commands::opened_link,
            commands::start_agent,
        ])
        .setup(move |app: &mut App| {
            fence::open(app)?;
            tauri::async_runtime::spawn(bridge.run(app.handle().clone()));
            Ok(())
        })
        .build(context)?;
    app.run(|app, event| link::heard(app, &event));
    Ok(())
}

/// What WebKit and its JavaScript engine read of the environment, and what they are told there unless somebody has told them otherwise. A
/// page that stands still gains nothing by a graphics card, and one that draws on it takes memory of the card that a job or a game could use:
/// half of all the window needs, where the card is none and the drawing is done in software all the same. Nor does a page of figures gain by
/// compiling its few lines, and without a compiler no memory of the page can be both written and run.
#[cfg(target_os = "linux")]
const WEB_ENGINE: [(&str, &str); 3] =
    [("WEBKIT_DISABLE_COMPOSITING_MODE", "1"), ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"), ("JSC_useJIT", "0")];

/// Keeps the web engine small.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the web engine has no other way to be told, and no thread runs yet")]
fn tell_the_web_engine() {
    for (switch, value) in WEB_ENGINE {
        if std::env::var_os(switch).is_none() {
            // SAFETY: nothing else runs in this process yet that could read the environment.
            unsafe { std::env::set_var(switch, value) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
const fn tell_the_web_engine() {}

/// Nothing for this user's own agent; for any other directory, what tells it apart.
fn instance_suffix(paths: &AgentPaths) -> String {
    let usual = AgentPaths::usual().is_ok_and(|usual| usual == *paths);
    // Each part of a D-Bus name begins with a letter.
    if usual { String::new() } else { format!(".d{}", paths.short_name()) }
}

/// Somebody started the window again: show him the one that is there.
fn come_forward(app: &AppHandle) {
    if let Some(window) = app.get_webview_window("main") {
        let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
        if let Err(error) = shown {
            tracing::warn!(error = &error as &dyn std::error::Error, "Could not bring the window to the front");
        }
    }
}
