//! `headframe-agent run`: the agent, until it is told to quit.

use headframe_agent::{Agent, AgentConfig, BindError, Handle, duty::Ask, tasks::Tasks};
use headframe_control::{AgentPaths, lock::LockError};
use tracing::{error, info};

use crate::{Exit, RunArgs, logging, tray, words};

/// How long a tray may take to take leave of the desktop.
const TRAY_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

pub(crate) async fn run(paths: &AgentPaths, args: RunArgs) -> Exit {
    if let Err(error) = logging::begin(paths) {
        return words::fail(&error, Exit::Failed);
    }
    loop {
        let exit = Box::pin(live(paths, &args)).await;
        match exit {
            Ok(Afterwards::Again) => info!("Another agent begins in this one's place"),
            Ok(Afterwards::End) => return Exit::Done,
            Err(error) => return refuse(&error),
        }
    }
}

/// What follows on an agent.
enum Afterwards {
    /// Another one.
    Again,
    /// Nothing.
    End,
}

/// One agent, from its beginning to its end.
async fn live(paths: &AgentPaths, args: &RunArgs) -> Result<Afterwards, BindError> {
    let mut agent = Agent::bind(AgentConfig::new(Some(paths.data_dir().to_owned()))).await?;
    let guests = Tasks::new();
    guests.spawn_until_stopped("signals", quit_on_signal(agent.handle()));
    if args.tray {
        tray::show(&guests, &agent.handle(), paths);
    }
    agent.join().await;
    guests.shutdown(TRAY_GRACE).await;
    info!("The agent has ended");
    Ok(if agent.begins_again() { Afterwards::Again } else { Afterwards::End })
}

fn refuse(error: &BindError) -> Exit {
    let exit = match error {
        BindError::Lock(LockError::Held { data_dir }) => {
            let note = format!("An agent already runs in {}. Ask it with `headframe-agent status`.", data_dir.display());
            words::say_error(&note);
            return Exit::AlreadyRuns;
        }
        BindError::Settings(_) => Exit::WrongSettings,
        BindError::Lock(LockError::Prepare(_) | LockError::Lock { .. })
        | BindError::Paths(_)
        | BindError::Key(_)
        | BindError::Store(_)
        | BindError::Telemetry(_)
        | BindError::Socket(_)
        | BindError::Practice(_)
        | BindError::Wallet(_)
        | BindError::Challenges(_) => Exit::Failed,
    };
    error!("The agent cannot begin: {}", words::chain(error));
    words::fail(error, exit)
}

/// The first signal asks politely; containers are stopped and reported. The second ends the process where it stands: the
/// next life picks up.
async fn quit_on_signal(agent: Handle) {
    signal().await;
    info!("Asked to end by a signal");
    if agent.ask(Ask::Quit).await.is_err() {
        return;
    }
    signal().await;
    error!("Asked a second time; ending at once");
    #[expect(clippy::disallowed_methods, reason = "whoever asks twice wants no orderly end; the journal is made for it")]
    std::process::exit(Exit::Failed as i32);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        // Without handlers the system's own way of ending us is left in place.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
