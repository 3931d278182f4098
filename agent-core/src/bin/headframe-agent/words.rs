//! What the command line and the tray say, in words.

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
};

use headframe_agent::{
    clock as clocks,
    idle::{Internet, Network, Rules, rules::Hour},
};
use headframe_protocol::{
    TimestampMs,
    control::{
        AskView, BlockedCustomer, ClockFault, Earned, HotPart, JobCard, Link, Phase, ProbeView, Snapshot, Stage, WaitReason,
        YieldView, Yields,
    },
    rig::Refusals,
};

use crate::Exit;

/// Prints to stdout. A reader that has gone away is no error of ours.
pub(crate) fn say(text: &str) {
    writeln!(io::stdout(), "{text}").ok();
}

/// Prints to stderr.
pub(crate) fn say_error(text: &str) {
    writeln!(io::stderr(), "{text}").ok();
}

/// Prints an error with its causes, and passes `exit` on.
pub(crate) fn fail(error: &(dyn Error + 'static), exit: Exit) -> Exit {
    say_error(&format!("Error: {}", chain(error)));
    exit
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// What the rig is doing, in one sentence.
pub(crate) fn state(snapshot: &Snapshot, now: TimestampMs) -> String {
    match &snapshot.phase {
        Phase::Off => "Off. Start it when you like.".to_owned(),
        Phase::Checking => "Checking the container engine.".to_owned(),
        Phase::Waiting { reasons } => {
            let first = reasons.first().map_or_else(|| "nothing stands in the way".to_owned(), |reason| why(reason, now));
            format!("Waiting: {first}.")
        }
        Phase::Ready => match snapshot.rig.gpus.iter().find(|gpu| gpu.proving) {
            Some(gpu) => format!("Ready; {} proves to the network what it can do.", gpu.model),
            None => "Ready, and waiting for a job.".to_owned(),
        },
        Phase::Preparing => "Preparing a job.".to_owned(),
        Phase::Working => match snapshot.working.as_slice() {
            [one] => format!("Working on {}.", one.title),
            many => format!("Working on {} jobs.", many.len()),
        },
        Phase::Benchmarking { measuring } if measuring.what.is_empty() => "Looking what this PC can do.".to_owned(),
        Phase::Benchmarking { measuring } => {
            format!("Measuring {}: {} % done, {} s left.", measuring.what, measuring.percent, measuring.left_s)
        }
        Phase::Yielding => "Giving the PC back.".to_owned(),
        Phase::Uploading => "Bringing results away.".to_owned(),
        Phase::Draining => "Finishing what runs; takes no more.".to_owned(),
        Phase::Paused { until_ms: Some(until) } => format!("Paused for {} more.", time(until.since(now).as_secs())),
        Phase::Paused { until_ms: None } => match now.since(snapshot.since_ms).as_secs() {
            0..60 => "Paused until you resume it.".to_owned(),
            seconds => format!("Paused for {} now, until you resume it.", time(seconds)),
        },
    }
}

/// What is wrong with this PC's clock.
pub(crate) fn clock(fault: ClockFault) -> String {
    let by = |ms: u64| time(ms / 1_000);
    match fault {
        ClockFault::Off { ahead_ms } if ahead_ms > 0 => {
            format!("This PC's clock is {} ahead of the coordinator's.", by(ahead_ms.unsigned_abs()))
        }
        ClockFault::Off { ahead_ms } => format!("This PC's clock is {} behind the coordinator's.", by(ahead_ms.unsigned_abs())),
        ClockFault::TooEarly { by_ms } => {
            format!("This PC's clock is at least {} behind, which keeps it from connecting.", by(by_ms))
        }
        ClockFault::TooLate { by_ms } => format!(
            "By this PC's clock the coordinator's certificate ran out {} ago, which keeps it from connecting. Is the clock right?",
            by(by_ms)
        ),
    }
}

/// What stands in the way.
fn why(reason: &WaitReason, now: TimestampMs) -> String {
    match reason {
        WaitReason::OwnerActive { last_input_ms, starts_ms } => {
            let (ago, left) = (now.since(*last_input_ms).as_secs(), starts_ms.since(now).as_secs());
            format!("you used the PC {} ago; starts in {} if it is left alone", time(ago), time(left))
        }
        WaitReason::NoIdleProbe => "nothing here can tell whether you are away, so you are taken to be here".to_owned(),
        WaitReason::NoEngine => "there is no container engine; install Docker or Podman".to_owned(),
        WaitReason::EngineUnusable { message } => format!("the container engine cannot be used: {message}"),
        WaitReason::Offline => "the coordinator cannot be reached".to_owned(),
        WaitReason::Refused { message, .. } => {
            format!("the coordinator does not let this rig in: {}", message.trim_end_matches('.'))
        }
        WaitReason::BackingOff { until_ms } => {
            format!("a job went wrong here; takes the next in {}", time(until_ms.since(now).as_secs()))
        }
        WaitReason::DiskFull => "the disk is nearly full".to_owned(),
        WaitReason::Schedule { opens_ms: Some(opens) } => {
            format!("your rules keep this hour free; the next one for work begins in {}", time(opens.since(now).as_secs()))
        }
        WaitReason::Schedule { opens_ms: None } => "your rules keep every hour of the week free".to_owned(),
        WaitReason::Remote => "somebody uses the PC from afar".to_owned(),
        WaitReason::Program { name } => format!("{name} runs, which your rules never disturb"),
        WaitReason::Fullscreen => "a window fills the screen".to_owned(),
        WaitReason::OnBattery => "the PC is not on mains power".to_owned(),
        WaitReason::Metered => "the connection is metered".to_owned(),
        WaitReason::Hot { part, celsius, resumes_at } => {
            let part = match part {
                HotPart::Cpu => "the processor",
                HotPart::Gpu => "a graphics card",
            };
            format!("{part} was {celsius} °C hot; goes on at {resumes_at} °C")
        }
        WaitReason::Busy { percent, at_most } => {
            format!("your own programs used {percent} % of the processor, more than the {at_most} % of your rules")
        }
        WaitReason::GpuInUse { gpu, program } => format!("{program} uses the {gpu}"),
        WaitReason::GpuKept { gpu } => format!("your rules keep the {gpu} to yourself"),
        WaitReason::CoolingDown { until_ms } => {
            format!("what stopped the work is over; goes on in {}", time(until_ms.since(now).as_secs()))
        }
        WaitReason::Unprofitable { power_per_hour, floor_per_hour } => {
            format!("power costs {power_per_hour} an hour now, and no job may pay the {floor_per_hour} that your rules want")
        }
        WaitReason::ProbeBroken { probe, message } => format!("{probe} cannot be measured: {message}"),
        WaitReason::RulesBroken { message } => format!("your rules cannot be understood: {message}"),
    }
}

/// How quickly the PC was given back.
pub(crate) fn yields(yields: &Yields) -> String {
    let Yields { count, killed, memory_missing, p50_ms, p95_ms, max_ms, recent } = yields;
    if *count == 0 {
        return "Nothing has run while you came back yet.".to_owned();
    }
    let mut lines = vec![format!(
        "{count} times. Half within {}, 95 of 100 within {}, all within {}. {killed} ended by force.",
        tenths(*p50_ms),
        tenths(*p95_ms),
        tenths(*max_ms)
    )];
    if *memory_missing > 0 {
        lines.push(format!("{memory_missing} times the memory of a graphics card was not seen to come back."));
    }
    lines.extend(recent.iter().take(20).map(one_yield));
    lines.join("\n")
}

fn one_yield(one: &YieldView) -> String {
    let took = tenths(one.memory_ms.unwrap_or(one.stop_ms));
    let how = match (one.memory_missing, one.killed) {
        (true, _) => ", memory not seen free",
        (false, true) => ", ended by force",
        (false, false) => "",
    };
    let at = jiff::Timestamp::from_millisecond(one.wanted_ms.as_millis()).unwrap_or_default();
    let at = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%F %T").to_string();
    format!("  {at}  {took}{how}  {}  {}", one.cause.as_str(), one.title)
}

fn tenths(ms: u32) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

/// A time span as people say it.
fn time(seconds: u64) -> String {
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds.div_ceil(60)),
        6_000..=356_400 => format!("{} h", seconds.div_ceil(3_600)),
        356_401.. => format!("{} days", seconds / 86_400),
    }
}

/// What today has brought, with what its power cost as far as anybody knows.
fn today(Earned { confirmed, pending, jobs, power, net, attempts, unmeasured, unpriced }: &Earned) -> String {
    let left = match (power, net) {
        (Some(power), Some(net)) => format!(", {power} of it for power, {net} left"),
        _ => String::new(),
    };
    let unknown = unmeasured.saturating_add(*unpriced);
    let gap = if unknown > 0 { format!(" The power of {unknown} of {attempts} is not known.") } else { String::new() };
    format!("Today: {confirmed} earned{left}, {pending} pending, {jobs} jobs done.{gap}")
}

/// The whole status, for a terminal.
pub(crate) fn status(snapshot: &Snapshot) -> String {
    let mut lines = vec![state(snapshot, clocks::wall())];
    lines.extend(snapshot.clock.map(clock));
    if let Phase::Waiting { reasons } = &snapshot.phase {
        lines.extend(reasons.iter().skip(1).map(|reason| format!("  Also: {}.", why(reason, clocks::wall()))));
    }
    lines.extend(snapshot.working.iter().map(job));
    lines.push(today(&snapshot.today));
    if snapshot.practice {
        lines.push("This is practice: no amount is money.".to_owned());
    }
    lines.push(match &snapshot.link {
        Link::Connected { network } => format!("Connected to network {network}."),
        Link::Connecting => "Connecting to the coordinator.".to_owned(),
        Link::Waiting { message, .. } => format!("Not connected: {message}."),
        Link::Refused => "Refused by the coordinator.".to_owned(),
    });
    let gpus = snapshot.rig.gpus.iter().map(|gpu| format!(", {}", gpu.model)).collect::<String>();
    let engine = snapshot.engine.found.as_deref().unwrap_or("no container engine");
    lines.push(format!("Rig {} ({}): {} cores{gpus}; {engine}.", snapshot.rig.name, snapshot.rig.device, snapshot.rig.cpu.cores));
    lines.join("\n")
}

/// Why the rig works or does not, and what that is known from.
pub(crate) fn explain(snapshot: &Snapshot, rules: &Path) -> String {
    let mut lines = vec![state(snapshot, clocks::wall())];
    if let Phase::Waiting { reasons } = &snapshot.phase {
        lines.extend(reasons.iter().skip(1).map(|reason| format!("  Also: {}.", why(reason, clocks::wall()))));
    }
    lines.push("It looks at:".to_owned());
    let widest = snapshot.probes.iter().map(|probe| probe.name.chars().count()).max().unwrap_or_default();
    lines.extend(snapshot.probes.iter().map(|ProbeView { name, says, works, absent, .. }| {
        let mark = match (works, absent) {
            (true, _) => ' ',
            (false, true) => '-',
            (false, false) => '!',
        };
        format!("{mark} {name:widest$}  {says}")
    }));
    if snapshot.probes.is_empty() {
        lines.push("  nothing, on this system".to_owned());
    }
    lines.extend(snapshot.asks.as_ref().map(|AskView { power_per_hour, floor_per_hour }| {
        format!("By your rules an hour must bring {floor_per_hour}, of which {power_per_hour} is for power.")
    }));
    lines.push(if rules.exists() {
        format!("Your rules are in {}.", rules.display())
    } else {
        format!("You have written no rules of your own; {} is where they would be.", rules.display())
    });
    lines.join("\n")
}

/// What rules make of the week: a line a day, a letter an hour.
pub(crate) fn rules(rules: &Rules, file: &Path) -> String {
    let whose = if file.exists() { "Your rules are understood" } else { "You have written no rules of your own; these hold" };
    let mut lines = vec![format!("{whose} ({}).", file.display()), "      0     6     12    18".to_owned()];
    for (day, hours) in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].into_iter().zip(rules.schedule.days()) {
        let letter = |hour: &Hour| match hour {
            Hour::WhenAway => 'i',
            Hour::Always => 'a',
            Hour::Never => '-',
        };
        lines.push(format!("  {day} {}", hours.iter().map(letter).collect::<String>()));
    }
    lines.push("  i: while you are away  a: also while you are here  -: never".to_owned());
    let Network { up_kib_per_second, down_kib_per_second, on_metered: _ } = rules.network;
    for (limit, what) in [(up_kib_per_second, "sends"), (down_kib_per_second, "fetches")] {
        if limit > 0 {
            lines.push(format!("The rig {what} at most {limit} KiB a second for jobs."));
        }
    }
    let Internet { jobs, kib_per_second, mib_per_job } = rules.internet;
    lines.push(if jobs {
        format!("Jobs may reach the hosts they name, from your address: {kib_per_second} KiB a second, {mib_per_job} MiB each.")
    } else {
        "Jobs reach nothing on the internet.".to_owned()
    });
    lines.extend(refused(&rules.jobs.refusals()));
    lines.join("\n")
}

/// Which jobs an owner refuses, a line for each kind.
fn refused(refusals: &Refusals) -> Vec<String> {
    let Refusals { gpu, cpu, unsaved, undeclared, adult, longer_than_hours, blocked } = refusals;
    let kinds = [
        (*gpu, "that work on a graphics card"),
        (*cpu, "that need no graphics card"),
        (*unsaved, "that save nothing on the way"),
        (*undeclared, "that do not say what they hold"),
        (*adult, "that are not for children"),
    ];
    let mut lines: Vec<String> =
        kinds.into_iter().filter(|(refused, _)| *refused).map(|(_, which)| format!("You take no jobs {which}.")).collect();
    lines.extend(longer_than_hours.map(|hours| format!("You take no jobs that may run longer than {hours} h.")));
    if !blocked.is_empty() {
        lines.push(format!("You take no jobs of {} customers; `headframe-agent block` lists them.", blocked.len()));
    }
    lines
}

/// Customers an owner takes no more jobs of, a line each.
pub(crate) fn blocked(blocked: &[BlockedCustomer]) -> String {
    if blocked.is_empty() {
        return "You take jobs of every customer.".to_owned();
    }
    let line = |BlockedCustomer { customer, job, since }: &BlockedCustomer| {
        format!("{customer}  {since:<20}  {job}").trim_end().to_owned()
    };
    blocked.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn job(card: &JobCard) -> String {
    let stage = match card.stage {
        Stage::Preparing => "preparing",
        Stage::Running => "running",
        Stage::Yielding => "stopping",
        Stage::Uploading => "uploading",
        Stage::Succeeded => "succeeded",
        Stage::Failed => "failed",
        Stage::Yielded => "yielded",
        Stage::Lost => "lost",
        Stage::Cancelled => "cancelled",
    };
    let progress = card.permille.map(|permille| format!(" {}.{} %", permille / 10, permille % 10)).unwrap_or_default();
    format!("  {} {}: {stage}{progress}, ran {}, {} so far", card.attempt, card.title, time(card.running_ms / 1_000), card.earned)
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{Micros, control::Event};

    use super::*;

    #[test]
    fn spans_are_short_and_never_understate() {
        assert_eq!([time(40), time(119), time(3_600), time(7_201)], ["40 s", "2 min", "60 min", "3 h"]);
    }

    #[test]
    fn an_owner_reads_why_his_rig_waits() {
        let at = |s: i64| TimestampMs::from_millis(s * 1_000);
        let reason = WaitReason::OwnerActive { last_input_ms: at(60), starts_ms: at(180) };
        assert_eq!(why(&reason, at(100)), "you used the PC 40 s ago; starts in 80 s if it is left alone");
        let reason = WaitReason::Schedule { opens_ms: Some(at(7_300)) };
        assert_eq!(why(&reason, at(100)), "your rules keep this hour free; the next one for work begins in 2 h");
    }

    #[test]
    fn an_owner_reads_what_is_wrong_with_his_clock() {
        assert_eq!(clock(ClockFault::Off { ahead_ms: -420_000 }), "This PC's clock is 7 min behind the coordinator's.");
        assert_eq!(clock(ClockFault::Off { ahead_ms: 62_000 }), "This PC's clock is 62 s ahead of the coordinator's.");
        assert!(clock(ClockFault::TooEarly { by_ms: 86_400_000 }).contains("at least 24 h behind"));
        assert!(clock(ClockFault::TooLate { by_ms: 3_600_000 }).contains("ran out 60 min ago"));
    }

    #[test]
    fn an_owner_reads_what_power_does_to_his_rig() {
        let reason = WaitReason::Unprofitable { power_per_hour: Micros::dollars(2_000), floor_per_hour: Micros::dollars(2_050) };
        let said = why(&reason, TimestampMs::from_millis(0));
        assert_eq!(said, "power costs $2000.00 an hour now, and no job may pay the $2050.00 that your rules want");
    }

    #[test]
    fn an_owner_reads_that_his_card_is_busy_with_a_proof() {
        let golden = include_str!("../../../../protocol/tests/wire/event-snapshot-proving.json");
        let Ok(Event::Snapshot { mut snapshot }) = serde_json::from_str(golden) else { panic!("a golden snapshot") };
        let said = |snapshot: &Snapshot| state(snapshot, TimestampMs::from_millis(0));
        assert_eq!(said(&snapshot), "Ready; NVIDIA GeForce RTX 4090 proves to the network what it can do.");
        snapshot.rig.gpus.iter_mut().for_each(|gpu| gpu.proving = false);
        assert_eq!(said(&snapshot), "Ready, and waiting for a job.");
    }

    #[test]
    fn the_week_is_shown_as_it_is_meant() {
        let text = rules(&Rules::shipped(), Path::new("/nowhere/rules.toml"));
        assert!(text.contains("no rules of your own"), "{text}");
        assert_eq!(text.matches(" iiiiiiiiiiiiiiiiiiiiiiii").count(), 7, "{text}");
        assert!(text.ends_with("Jobs reach nothing on the internet."), "{text}");
    }
}
