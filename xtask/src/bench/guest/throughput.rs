//! What the walls around a job cost it: the same work of ffmpeg in them and in a plain container, turn by turn.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Figure, Guest, Place, capture, docker, job};
use crate::bench::median;

/// Each way. Odd ones out do not move a median of this many.
const ROUNDS: usize = 5;

/// The part of a plain container's speed that is to be left.
const GOAL: f64 = 0.97;

/// Encodes a picture that ffmpeg draws itself, and says how long that took in milliseconds of the kernel's clock since boot.
const WORK: &str = "up() { read -r up _ < /proc/uptime; echo \"${up%.*}${up#*.}0\"; }; mkdir -p out; from=$(up); \
                    ffmpeg -loglevel error -f lavfi -i testsrc2=size=1280x720:rate=30 -t 20 -c:v libx264 -preset medium -threads 2 \
                    -y out/v.mp4; to=$(up); echo $((to - from)) > out/ms; cat out/ms";

pub(super) fn measure(place: &Place, image: &str) -> Result<Figure> {
    let _guest = Guest::start(place, "worker", "away.require = false\nload.others_max_percent = 0\nheat.cpu_max_c = 0\n", &[])?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (mut walled, mut plain) = (Vec::new(), Vec::new());
    // The first of each fills caches.
    for round in 0..=ROUNDS {
        let (ours, theirs) = (in_our_walls(place, cores)?, in_a_plain_container(image)?);
        if round > 0 {
            walled.push(ours);
            plain.push(theirs);
        }
    }
    let (ours, theirs) = (median(walled), median(plain));
    Ok(Figure {
        id: "sandbox.throughput_ratio".to_owned(),
        value: theirs / ours,
        unit: "ratio".to_owned(),
        baseline: GOAL,
        note: format!("ffmpeg took {ours:.0} ms as a job, {theirs:.0} ms in a plain container; medians of {ROUNDS}, in turns"),
    })
}

fn in_our_walls(place: &Place, cores: usize) -> Result<f64> {
    let file = job(place, WORK, cores)?;
    let out = place.folder.join("encoded");
    if out.exists() {
        std::fs::remove_dir_all(&out).context("could not clear the last result")?;
    }
    capture(place.network.customer().args(["submit", "--wait", "--file"]).arg(file).arg("--out").arg(&out))?;
    ms(&super::read(find(&out)?)?)
}

fn in_a_plain_container(image: &str) -> Result<f64> {
    ms(&capture(docker().args(["run", "--rm", "--network", "none", "--workdir", "/tmp", image, "sh", "-c", WORK]))?)
}

fn ms(text: &str) -> Result<f64> {
    text.trim().parse().with_context(|| format!("`{text}` is no time"))
}

fn find(folder: &Path) -> Result<std::path::PathBuf> {
    let printed = capture(super::command("find").arg(folder).args(["-name", "ms", "-type", "f"]))?;
    printed.lines().next().map(Into::into).context("the job left no time")
}
