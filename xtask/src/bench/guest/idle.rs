//! What the agent needs while it waits for the owner to leave, with Debian's `boinc` beside it.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{Figure, Guest, Place, read};
use crate::{
    process::{Server, find, tied_to_us},
    story,
    workspace::{self, Profile},
};

/// How long everything has run before it is looked at.
const SETTLED_AFTER: Duration = Duration::from_secs(600);

/// The last part of that time, over which what happens is counted.
const COUNTED: Duration = Duration::from_secs(300);

/// An owner who stays.
const RULES: &str = "away.threshold_s = 86400\n";

/// Megabytes, a part of a core in percent, wake-ups a second.
#[derive(Debug, Clone, Copy)]
struct Need {
    pss_mb: f64,
    cpu_percent: f64,
    wakeups_per_s: f64,
}

pub(super) fn measure(place: &Place) -> Result<Vec<Figure>> {
    let headless = Guest::start(place, "waiting", RULES, &[])?;
    let tray = Guest::start(place, "tray", RULES, &["--tray"])?;
    let boinc = boinc(place)?;
    let window = window(place, &tray)?;
    story::tell(format_args!("Waiting {} s beside an agent that waits", SETTLED_AFTER.as_secs()));
    sleep(SETTLED_AFTER.checked_sub(COUNTED).unwrap_or_default());
    let drawn_before = cpu_of_tree(window.id())?;
    let agent = need(headless.pid())?;
    let drawn = (cpu_of_tree(window.id())? - drawn_before) / COUNTED.as_secs_f64() * 100.0;
    let with_window = pss_of_tree(window.id())?;
    drop(window);
    let in_tray = pss_of_tree(tray.pid())?;
    let of_boinc = boinc.as_ref().map(|boinc| pss_of_tree(boinc.id())).transpose()?;
    let beside = of_boinc.map_or_else(|| "boinc is not here".to_owned(), |mb| format!("boinc beside it {mb:.1} MB"));
    let figure = |id: &str, value, unit: &str, baseline, note: String| Figure {
        id: id.to_owned(),
        value,
        unit: unit.to_owned(),
        baseline,
        note,
    };
    let waits = "headless, owner present, after 10 minutes";
    let beside_window = "window open: its processes and the agent's with its tray".to_owned();
    let still = "window open while nothing changes, all its processes, over 5 minutes".to_owned();
    Ok(vec![
        figure("agent.pss_mb", agent.pss_mb, "MB", 12.0, format!("{waits}; {beside}")),
        figure("agent.cpu_pct", agent.cpu_percent, "% of a core", 0.05, format!("{waits}, over 5 of them")),
        figure("agent.wakeups_per_s", agent.wakeups_per_s, "1/s", 3.0, format!("{waits}, over 5 of them, all threads")),
        figure("tray.pss_mb", in_tray, "MB", 25.0, "the agent with its tray, no window".to_owned()),
        figure("window.pss_mb", with_window + in_tray, "MB", 220.0, beside_window),
        figure("window.cpu_pct", drawn, "% of a core", 1.0, still),
    ])
}

/// BOINC's client without a project, where it can reach nobody.
fn boinc(place: &Place) -> Result<Option<Server>> {
    let (Some(program), Some(_)) = (find("boinc"), find("unshare")) else { return Ok(None) };
    let dir = place.folder.join("boinc");
    std::fs::create_dir_all(&dir).context("could not make a folder for boinc")?;
    let mut client = tied_to_us("unshare", None);
    client.args(["--net", "--"]).arg(program).args(["--no_gui_rpc", "--dir"]).arg(&dir);
    Server::start("boinc", &mut client, &workspace::log("bench-boinc")?).map(Some)
}

/// The window.
fn window(place: &Place, agent: &Guest) -> Result<Server> {
    let mut window = tied_to_us(workspace::binary(Profile::Rig, "headframe-desktop"), None);
    window.arg("--data-dir").arg(&agent.dir);
    place.display.lend(&mut window);
    Server::start("the window", &mut window, &workspace::log("bench-window")?)
}

/// What a process needs, over a while from now.
fn need(pid: u32) -> Result<Need> {
    let (from, begun) = (used(pid)?, Instant::now());
    sleep(COUNTED);
    let (to, seconds) = (used(pid)?, begun.elapsed().as_secs_f64());
    Ok(Need {
        pss_mb: pss_mb(pid)?,
        cpu_percent: (to.cpu_s - from.cpu_s) / seconds * 100.0,
        wakeups_per_s: (to.wakeups - from.wakeups) / seconds,
    })
}

struct Used {
    cpu_s: f64,
    wakeups: f64,
}

/// Since its start. A wake-up is a thread that waited of its own will and runs again.
fn used(pid: u32) -> Result<Used> {
    let (mut wakeups, mut cpu_ns) = (0.0, 0.0);
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).context("the process has gone")? {
        let thread = thread.context("the process has gone")?.path();
        // A thread that ended meanwhile took its figures along.
        let Ok(status) = read(thread.join("status")) else { continue };
        let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        wakeups += switches.and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or_default();
        let run = read(thread.join("schedstat")).unwrap_or_default();
        cpu_ns += run.split(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    }
    Ok(Used { cpu_s: cpu_ns / 1e9, wakeups })
}

/// Of a process, with its part of what it shares.
fn pss_mb(pid: u32) -> Result<f64> {
    let rollup = read(format!("/proc/{pid}/smaps_rollup"))?;
    let kib = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.context("the system does not tell")? / 1024.0)
}

/// Of a process and everything it has started.
fn pss_of_tree(pid: u32) -> Result<f64> {
    of_tree(pid, &pss_mb)
}

/// Seconds of processor time of a process and everything it has started, so far.
pub(in crate::bench) fn cpu_of_tree(pid: u32) -> Result<f64> {
    of_tree(pid, &|pid| Ok(used(pid)?.cpu_s))
}

fn of_tree(pid: u32, figure: &impl Fn(u32) -> Result<f64>) -> Result<f64> {
    let mut sum = figure(pid)?;
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).context("the process has gone")?;
    for thread in threads.flatten() {
        for child in read(thread.path().join("children")).unwrap_or_default().split_whitespace() {
            sum += child.parse().map_or(Ok(0.0), |child| of_tree(child, figure))?;
        }
    }
    Ok(sum)
}
