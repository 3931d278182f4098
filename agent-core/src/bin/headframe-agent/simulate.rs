//! `headframe-agent simulate`: what rules would have done in the past days.

use std::{error::Error, fs, path::Path};

use headframe_agent::{clock, idle::Rules, simulate, store};
use headframe_control::{AgentPaths, Client, ClientError, lock::AgentLock};
use headframe_protocol::control::{Loss, LostTo, SimulateArgs, SimulatedDay, Simulation};

use crate::{Exit, words};

pub(crate) async fn simulate(paths: &AgentPaths, args: &crate::SimulateArgs) -> Exit {
    let crate::SimulateArgs { rules, days, json } = args;
    // Read here, so that an error names the file the owner named.
    let text = match rules.as_deref().map(read).transpose() {
        Ok(text) => text,
        Err(error) => return words::fail(&*error, Exit::WrongSettings),
    };
    let args = SimulateArgs { days: *days, rules: text, draft: None };
    let asked = async { Client::connect(paths).await?.simulate(args.clone()).await };
    let simulation = match asked.await {
        Ok(simulation) => Ok(simulation),
        Err(ClientError::Gone(_)) => without_agent(paths, args).await,
        Err(error) => Err(error.into()),
    };
    match simulation {
        Ok(simulation) if *json => words::say(&serde_json::to_string(&simulation).unwrap_or_default()),
        Ok(simulation) => words::say(&text_of(&simulation)),
        Err(error) => return words::fail(&*error, Exit::Failed),
    }
    Exit::Done
}

fn read(file: &Path) -> Result<String, Box<dyn Error>> {
    Rules::load_file(file)?;
    Ok(fs::read_to_string(file)?)
}

/// Nobody else has the database open then, and nobody may open it meanwhile.
async fn without_agent(paths: &AgentPaths, args: SimulateArgs) -> Result<Simulation, Box<dyn Error>> {
    if !paths.data_dir().join(store::FILE_NAME).exists() {
        return Err("Nothing was recorded yet. The agent records while it runs.".into());
    }
    let _lock = AgentLock::acquire(paths)?;
    let (store, _journal) = store::open(paths.data_dir()).await?;
    Ok(simulate::simulate(&store, paths.data_dir(), args, clock::wall()).await?)
}

fn text_of(simulation: &Simulation) -> String {
    let Simulation { from_ms: _, until_ms: _, works_ms, unknown_ms, interruptions, lost, days } = simulation;
    let mut lines = vec!["            free for work   unknown   interrupted".to_owned()];
    lines.extend(days.iter().map(day));
    lines.push(format!("  all       {:>11}  {:>8}   {interruptions:>11}", hours(*works_ms), hours(*unknown_ms)));
    if !lost.is_empty() {
        lines.push("Lost to:".to_owned());
        lines.extend(lost.iter().map(|Loss { to, ms }| format!("  {:>8}  {}", hours(*ms), why(*to))));
    }
    if *unknown_ms > 0 {
        lines.push("Unknown is time in which nobody looked, as when the PC slept. Whether there would have been jobs is not known either.".to_owned());
    }
    lines.join("\n")
}

fn day(day: &SimulatedDay) -> String {
    let SimulatedDay { date, works_ms, unknown_ms, interruptions, lost: _ } = day;
    format!("  {date}{:>11}  {:>8}   {interruptions:>11}", hours(*works_ms), hours(*unknown_ms))
}

/// Rounded down: no time is told of that was not there.
fn hours(ms: u64) -> String {
    let tenths = ms / 360_000;
    format!("{}.{} h", tenths / 10, tenths % 10)
}

const fn why(to: LostTo) -> &'static str {
    match to {
        LostTo::OwnerActive => "you were here",
        LostTo::NoIdleProbe => "nothing saw whether you were here",
        LostTo::Schedule => "your rules keep the hour free",
        LostTo::Remote => "somebody used the PC from afar",
        LostTo::Program => "a program ran that is not to be disturbed",
        LostTo::Fullscreen => "a window filled the screen",
        LostTo::OnBattery => "the PC was not on mains power",
        LostTo::Metered => "the connection was metered",
        LostTo::Hot => "something was too hot",
        LostTo::Busy => "your own programs needed the processor",
        LostTo::ProbeBroken => "something could not be measured",
        LostTo::Other => "something else",
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::TimestampMs;

    use super::*;

    #[test]
    fn a_week_is_told_day_by_day() {
        let lost = vec![Loss { to: LostTo::OwnerActive, ms: 7_200_000 }];
        let day = SimulatedDay {
            date: "2026-11-23".to_owned(),
            works_ms: 36_359_999,
            unknown_ms: 0,
            interruptions: 3,
            lost: lost.clone(),
        };
        let (from_ms, until_ms) = (TimestampMs::from_millis(0), TimestampMs::from_millis(1));
        let simulation =
            Simulation { from_ms, until_ms, works_ms: 36_359_999, unknown_ms: 0, interruptions: 3, lost, days: vec![day] };
        let text = text_of(&simulation);
        assert!(text.contains("2026-11-23     10.0 h     0.0 h             3"), "{text}");
        assert!(text.contains("2.0 h  you were here") && !text.contains("Unknown is"), "{text}");
    }
}
