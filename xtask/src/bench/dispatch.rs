//! How fast a submitted job starts, and how many the coordinator can assign.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};

use super::{Figure, median, network::Network, printed_figure};
use crate::{
    engine::Engine,
    image::{self, Workload},
    postgres::Postgres,
    process::{capture, cargo, command, run},
    setup::{self, Area},
    workspace,
};

/// Starts each way. Odd ones out do not move a median of this many.
const STARTS: usize = 20;
/// A job may take this much longer to start than `docker run` by hand.
const START_RATIO_GOAL: f64 = 1.25;
/// The coordinator's own measurement: it prints one figure per line.
const COORDINATOR_EXAMPLE: &str = "dispatch_bench";
/// What its figures should reach: at least so many assignments a second, durably; at most so many milliseconds for nearly every match in
/// a network of fifty thousand rigs, and at most so much dearer than in one of a thousand.
const GOALS: [(&str, f64); 4] = [
    ("dispatch.assign_per_s.sqlite", 2_000.0),
    ("dispatch.assign_per_s.postgres", 5_000.0),
    ("match.p99_ms", 5.0),
    ("match.growth", 1.2),
];

/// All figures of the area.
pub(super) fn measure() -> Result<Vec<Figure>> {
    setup::ensure(&[Area::Build, Area::Engine, Area::JobImage, Area::Testbed, Area::Postgres])?;
    let mut figures = assignments()?;
    figures.push(start_ratio()?);
    Ok(figures)
}

/// Runs the coordinator's measurement on both databases, and of its matching.
fn assignments() -> Result<Vec<Figure>> {
    let postgres = Postgres::start()?;
    let mut figures = coordinator(None)?;
    figures.extend(coordinator(Some(&postgres.url))?);
    figures.extend(coordinator(Some("match"))?);
    Ok(figures)
}

fn coordinator(what: Option<&str>) -> Result<Vec<Figure>> {
    let mut measure = cargo();
    measure.args(["run", "--quiet", "--release", "--package", "headframe-coordinator", "--features", "testing"]);
    measure.args(["--example", COORDINATOR_EXAMPLE, "--"]).args(what);
    let printed = capture(&mut measure).context("the coordinator's measurement failed")?;
    let figures: Vec<Figure> =
        printed.lines().filter(|line| line.starts_with('{')).map(|line| printed_figure(line, &GOALS)).collect::<Result<_>>()?;
    if figures.is_empty() {
        bail!("the coordinator's measurement printed no figure:\n{printed}");
    }
    Ok(figures)
}

/// Submit → first instruction, against `docker run` → first instruction: the same image, the same limits, turn by turn.
fn start_ratio() -> Result<Figure> {
    let _engine = Engine::ensure()?;
    let image = image::ensure(Workload::Transcode)?;
    run(cargo().args(["build", "--release", "--bins"]))?;
    let folder = workspace::target_folder("bench")?;
    let network = Network::start(&folder.join("network"), 1)?;
    let published = network.publish(&image)?;

    // The first start pulls the image and fills caches; it is not what is asked for.
    submitted(&network, &published, &folder)?;
    by_hand(&image)?;
    let mut ours_ms = Vec::new();
    let mut docker_ms = Vec::new();
    for _ in 0..STARTS {
        ours_ms.push(submitted(&network, &published, &folder)?);
        docker_ms.push(by_hand(&image)?);
    }
    let (ours, docker) = (median(ours_ms), median(docker_ms));
    Ok(Figure {
        id: "dispatch.start_ratio".to_owned(),
        value: ours / docker,
        unit: "ratio".to_owned(),
        baseline: START_RATIO_GOAL,
        note: format!(
            "submit to first instruction {ours:.0} ms, docker run with the same limits {docker:.0} ms; medians of {STARTS}, in turns"
        ),
    })
}

/// What both ways run first: it says what time it is, to the microsecond, and ends. `date` of busybox knows only seconds.
const FIRST_INSTRUCTION: &str = "busybox adjtimex";

/// Milliseconds from calling the customer's tool to the job's first instruction.
fn submitted(network: &Network, image: &str, folder: &Path) -> Result<f64> {
    let out = folder.join("out");
    if out.exists() {
        std::fs::remove_dir_all(&out).context("could not clear the last result")?;
    }
    let job = folder.join("job.yaml");
    let text = format!(
        "image: {image}\ncommand: [sh, -c]\nargs: ['{FIRST_INSTRUCTION} > started']\noutputs: [started]\n\
         resources: {{cpu: 1, memory_gib: 1, disk_gib: 1}}\ntimeout_s: 60\nmax_price_per_hour: '500000'\n"
    );
    std::fs::write(&job, text).context("could not write the job")?;
    let mut submit = network.customer();
    submit.args(["submit", "--wait", "--json", "--file"]).arg(&job).arg("--out").arg(&out);
    let begun = now_ms()?;
    capture(&mut submit)?;
    let written = find(&out, "started").context("the job left no result")?;
    Ok(instant_ms(&std::fs::read_to_string(written)?)? - begun)
}

/// Milliseconds from calling `docker` to the container's first instruction, with the limits that a job gets.
fn by_hand(image: &str) -> Result<f64> {
    let mut docker = command("docker");
    docker.args(["run", "--rm", "--init", "--read-only", "--network", "none", "--user", "65534:65534", "--cap-drop", "ALL"]);
    docker.args(["--security-opt", "no-new-privileges", "--pids-limit", "512", "--memory", "1g", "--memory-swap", "1g"]);
    docker.args(["--cpus", "1", "--tmpfs", "/tmp", "--env", "HOME=/tmp", image, "sh", "-c", FIRST_INSTRUCTION]);
    let begun = now_ms()?;
    let printed = capture(&mut docker)?;
    Ok(instant_ms(&printed)? - begun)
}

/// The clock that a container on this machine shares with us.
#[expect(clippy::disallowed_methods, reason = "measuring is asking what time it is")]
fn now_ms() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?.as_secs_f64() * 1e3)
}

/// The time that `adjtimex` printed.
fn instant_ms(printed: &str) -> Result<f64> {
    let value = |name: &str| {
        let line = printed.lines().find_map(|line| line.trim().strip_prefix(name));
        line.and_then(|text| text.trim().parse::<f64>().ok()).with_context(|| format!("no {name} in what the container said"))
    };
    Ok(value("time.tv_sec:")? * 1e3 + value("time.tv_usec:")? / 1e3)
}

fn find(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let here = entries.iter().find(|path| path.file_name().is_some_and(|found| found == name)).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containers_clock_is_read_to_the_microsecond() {
        let printed = "    mode:         0\n    time.tv_sec:  1795423307\n    time.tv_usec: 319228\n";
        assert_eq!(instant_ms(printed).expect("both lines are there"), 1_795_423_307_319.228);
        assert!(instant_ms("time.tv_sec: 1").is_err());
    }
}
