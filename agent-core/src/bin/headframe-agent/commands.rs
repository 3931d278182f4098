//! The commands that ask the agent that runs.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use headframe_agent::idle::{Rules, rules};
use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::control::{BlockArgs, JobsArgs, LogArgs, PauseArgs, RulesPage, Snapshot, UnblockArgs};

use crate::{Exit, LogsArgs, RulesArgs, StatusArgs, YieldsArgs, words};

/// How often a log that is followed is asked for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// How long `quit` waits for the agent to end. A container has its grace, then the coordinator is told.
const QUIT_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) async fn status(paths: &AgentPaths, args: StatusArgs) -> Exit {
    finish_with(print_status(paths, &args).await)
}

async fn print_status(paths: &AgentPaths, args: &StatusArgs) -> Result<(), ClientError> {
    let mut client = Client::connect(paths).await?;
    if !args.watch {
        print(&client.status().await?, args);
        return Ok(());
    }
    let mut watch = client.watch().await?;
    loop {
        print(&watch.next().await?, args);
    }
}

fn print(snapshot: &Snapshot, args: &StatusArgs) {
    if args.json {
        // A snapshot is plain data; it always has a JSON form.
        words::say(&serde_json::to_string(snapshot).unwrap_or_default());
    } else if args.watch {
        words::say(&words::state(snapshot, headframe_agent::clock::wall()));
        if let Some(fault) = snapshot.clock {
            words::say(&words::clock(fault));
        }
    } else {
        words::say(&words::status(snapshot));
    }
}

pub(crate) async fn explain(paths: &AgentPaths) -> Exit {
    let asked = async {
        let snapshot = Client::connect(paths).await?.status().await?;
        words::say(&words::explain(&snapshot, &paths.data_dir().join(rules::FILE_NAME)));
        Ok(())
    };
    finish_with(asked.await)
}

/// Reads the file itself: an owner who has just written it wants to know before anything works by it.
pub(crate) fn rules(paths: &AgentPaths, args: &RulesArgs) -> Exit {
    if args.defaults {
        words::say(rules::DEFAULTS.trim_end());
        return Exit::Done;
    }
    match Rules::load(paths.data_dir()) {
        Ok(rules) => {
            words::say(&words::rules(&rules, &paths.data_dir().join(rules::FILE_NAME)));
            Exit::Done
        }
        Err(error) => words::fail(&error, Exit::WrongSettings),
    }
}

pub(crate) async fn block(paths: &AgentPaths, args: crate::BlockArgs) -> Exit {
    let crate::BlockArgs { attempt, stop } = args;
    let asked = async {
        let mut client = Client::connect(paths).await?;
        let page = match attempt {
            Some(attempt) => client.block(BlockArgs { attempt, stop }).await?,
            None => client.rules().await?,
        };
        say_blocked(&page);
        Ok(())
    };
    finish_with(asked.await)
}

pub(crate) async fn unblock(paths: &AgentPaths, args: crate::UnblockArgs) -> Exit {
    let crate::UnblockArgs { customer } = args;
    let asked = async {
        say_blocked(&Client::connect(paths).await?.unblock(UnblockArgs { customer }).await?);
        Ok(())
    };
    finish_with(asked.await)
}

fn say_blocked(page: &RulesPage) {
    match &page.rules {
        Some(rules) => words::say(&words::blocked(&rules.jobs.blocked)),
        None => words::say_error(page.problem.as_deref().unwrap_or("Your rules cannot be understood.")),
    }
}

pub(crate) async fn yields(paths: &AgentPaths, args: &YieldsArgs) -> Exit {
    let asked = async {
        let yields = Client::connect(paths).await?.yields().await?;
        if args.json {
            words::say(&serde_json::to_string(&yields).unwrap_or_default());
        } else {
            words::say(&words::yields(&yields));
        }
        Ok(())
    };
    finish_with(asked.await)
}

pub(crate) async fn pause(paths: &AgentPaths, args: crate::PauseArgs) -> Exit {
    let ask = async { Client::connect(paths).await?.pause(PauseArgs { minutes: args.minutes }).await };
    finish_with(ask.await)
}

pub(crate) async fn resume(paths: &AgentPaths) -> Exit {
    finish_with(async { Client::connect(paths).await?.start().await }.await)
}

pub(crate) async fn finish(paths: &AgentPaths) -> Exit {
    finish_with(async { Client::connect(paths).await?.finish().await }.await)
}

pub(crate) async fn quit(paths: &AgentPaths) -> Exit {
    let ask = async {
        // One of another version is ended too: after an update it is the one that has to go.
        Client::end(paths).await?;
        // The watch ends when the agent does.
        let gone = async {
            let Ok(client) = Client::connect(paths).await else { return };
            let Ok(mut watch) = client.watch().await else { return };
            while watch.next().await.is_ok() {}
        };
        tokio::time::timeout(QUIT_TIMEOUT, gone).await.map_err(|_| ClientError::Silent)
    };
    finish_with(ask.await)
}

pub(crate) async fn logs(paths: &AgentPaths, args: LogsArgs) -> Exit {
    let LogsArgs { attempt, follow } = args;
    let ask = async {
        let mut client = Client::connect(paths).await?;
        let attempt = match attempt {
            Some(attempt) => Some(attempt),
            None => client.jobs(JobsArgs { after: None, limit: 1 }).await?.jobs.first().map(|card| card.attempt.clone()),
        };
        let Some(attempt) = attempt else {
            words::say_error("This rig has not had a job yet.");
            return Ok(Exit::Failed);
        };
        print_log(&mut client, attempt, follow).await?;
        Ok(Exit::Done)
    };
    match ask.await {
        Ok(exit) => exit,
        Err(error) => finish_with(Err(error)),
    }
}

async fn print_log(client: &mut Client, attempt: String, follow: bool) -> Result<(), ClientError> {
    let mut args = LogArgs { attempt, offset: 0 };
    loop {
        let chunk = client.log(args.clone()).await?;
        if io::stdout().write_all(chunk.text.as_bytes()).and_then(|()| io::stdout().flush()).is_err() {
            return Ok(());
        }
        let at_end = chunk.end == chunk.offset;
        args.offset = i64::try_from(chunk.end).unwrap_or(i64::MAX);
        if chunk.complete || (at_end && !follow) {
            return Ok(());
        }
        if at_end {
            tokio::time::sleep(FOLLOW_EVERY).await;
        }
    }
}

pub(crate) fn finish_with(outcome: Result<(), ClientError>) -> Exit {
    match outcome {
        Ok(()) => Exit::Done,
        Err(ClientError::Gone(_)) => {
            words::say_error("No agent runs here. Start one with `headframe-agent run`.");
            Exit::NoAgent
        }
        Err(error @ (ClientError::Stranger | ClientError::Silent | ClientError::Garbled | ClientError::Refused(_))) => {
            words::fail(&error, Exit::Failed)
        }
    }
}
