//! How good a guest the agent is: how fast it leaves, how little it needs while it waits, how little its walls cost the work.

mod idle;
mod throughput;
mod yields;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

pub(super) use idle::cpu_of_tree;

use super::{Figure, network::Network};
use crate::{
    display::Display,
    engine::Engine,
    image::{self, Workload},
    process::{Server, capture, cargo, command, run, tied_to_us},
    setup::{self, Area},
    story,
    workspace::{self, Profile},
};

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// From the owner's touch to the end of the container. A quarter of an hour.
    Yields,
    /// The same work in our walls and out of them. Five minutes.
    Throughput,
    /// Waiting beside an agent that waits. Ten minutes.
    Idle,
}

/// The figures of `parts`, or of all, as far as they could be measured, and what failed first.
pub(super) fn measure(parts: &[Part]) -> Result<(Vec<Figure>, Option<anyhow::Error>)> {
    setup::ensure(&[Area::Build, Area::Engine, Area::JobImage, Area::Testbed, Area::Display, Area::WindowTest, Area::Guest])?;
    let _engine = Engine::ensure()?;
    let image = image::ensure(Workload::Transcode)?;
    run(cargo().args(["build", "--release", "--bins"]))?;
    // One package at a time: together their dependencies would have each other's features, and not those they are shipped with.
    for package in ["headframe-agent", "headframe-desktop"] {
        run(cargo().args(["build", "--profile", "rig", "--package", package, "--bin", package]))?;
    }
    let folder = workspace::target_folder("bench")?;
    let display = Display::private()?;
    let network = Network::start(&folder.join("network"), 0)?;
    let published = network.publish(&image)?;
    let place = Place { folder, display, network, image: published };
    let (mut figures, mut failed) = (Vec::new(), None);
    for part in [Part::Yields, Part::Throughput, Part::Idle] {
        if !parts.is_empty() && !parts.contains(&part) {
            continue;
        }
        let measured = match part {
            Part::Yields => yields::measure(&place),
            Part::Throughput => throughput::measure(&place, &image).map(|figure| vec![figure]),
            Part::Idle => idle::measure(&place),
        };
        match measured {
            Ok(measured) => figures.extend(measured),
            Err(error) => {
                story::tell(format_args!("Not measured: {error:#}"));
                failed.get_or_insert(error);
            }
        }
    }
    Ok((figures, failed))
}

/// Where all of it is measured.
struct Place {
    folder: PathBuf,
    display: Display,
    network: Network,
    image: String,
}

/// An agent as an owner runs it, on the virtual display.
struct Guest {
    server: Server,
    dir: PathBuf,
}

impl Guest {
    /// Starts one that keeps to `rules`, with everything it keeps in a new folder `name`.
    fn start(place: &Place, name: &str, rules: &str, arguments: &[&str]) -> Result<Self> {
        let dir = place.folder.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("could not clear {}", dir.display()))?;
        }
        std::fs::create_dir_all(&dir).with_context(|| format!("could not make {}", dir.display()))?;
        let settings = format!(
            "coordinator.url = {:?}\nrig.name = {name:?}\nstart.automatically = true\ninputs.allow_private_addresses = true\nbenchmark.automatically = false\n",
            place.network.rigs_url()
        );
        std::fs::write(dir.join("agent.toml"), settings).context("could not write the agent's settings")?;
        std::fs::write(dir.join("rules.toml"), rules).context("could not write the owner's rules")?;
        let mut agent = tied_to_us(workspace::binary(Profile::Rig, "headframe-agent"), None);
        agent.args(["run", "--data-dir"]).arg(&dir).args(arguments);
        place.display.lend(&mut agent);
        let server = Server::start("the agent", &mut agent, &workspace::log(&format!("bench-{name}"))?)?;
        Ok(Self { server, dir })
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        let mut agent = command(workspace::binary(Profile::Rig, "headframe-agent"));
        capture(agent.args(arguments).arg("--data-dir").arg(&self.dir))
    }

    /// What its owner sees.
    fn snapshot(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.ask(&["status", "--json"])?).context("the agent's status is no JSON")
    }

    fn phase(&self) -> Option<String> {
        Some(self.snapshot().ok()?["phase"]["kind"].as_str()?.to_owned())
    }

    /// The process itself: whoever ties it to us becomes it.
    fn pid(&self) -> u32 {
        self.server.id()
    }
}

/// Writes a job with this shell script down.
fn job(place: &Place, script: &str, cpu: usize) -> Result<PathBuf> {
    let file = place.folder.join("job.yaml");
    let text = format!(
        "image: {}\ncommand: [sh, -c]\nargs: [{script:?}]\noutputs: [out]\n\
         resources: {{cpu: {cpu}, memory_gib: 2, disk_gib: 1}}\ntimeout_s: 1200\nmax_price_per_hour: '500000'\n",
        place.image
    );
    std::fs::write(&file, text).context("could not write the job")?;
    Ok(file)
}

fn docker() -> Command {
    command("docker")
}

/// What `percent` of 100 of the values stay within (nearest rank).
fn within(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).and_then(|index| sorted.get(index)).copied().unwrap_or(f64::NAN)
}

fn read(path: impl AsRef<Path>) -> Result<String> {
    std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.as_ref().display()))
}
