//! From the owner's touch to the end of the container.

use std::{
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{Figure, Guest, Place, capture, docker, job, within};
use crate::{process::command, story};

/// How often each kind is measured; two hundred in all.
const OBEYING: usize = 100;
const STUBBORN: usize = 50;
const GAMES: usize = 50;

/// What a job that does not end when asked gets, in seconds.
const GRACE_S: u32 = 2;

/// A container that is still there after this was missed.
const MISSED_AFTER: Duration = Duration::from_secs(20);

/// How long until the next job runs: the owner counts as away, an offer comes, the container starts.
const WORK_LIMIT: Duration = Duration::from_secs(60);

/// The program that is never to be disturbed: a copy of one that waits.
const GAME: &str = "bench-game";

/// Ends at once when asked: the container's init passes the signal on to a program that does nothing about it.
const OBEYS: &str = "exec sleep 600";

/// Is asked in vain.
const DOES_NOT: &str = "trap '' TERM; while true; do sleep 1; done";

/// What wants the PC back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    Mouse,
    Game,
}

pub(super) fn measure(place: &Place) -> Result<Vec<Figure>> {
    let rules = format!(
        "away.threshold_s = 1\npower.on_battery = true\nnetwork.on_metered = true\nheat.cpu_max_c = 0\nload.others_max_percent = 0\n\
         programs.fullscreen = false\nprograms.never_disturb = [{GAME:?}]\ngiving_back.input_s = {GRACE_S}\n\
         giving_back.game_s = 1\ngiving_back.cool_down_s = 0\n"
    );
    let guest = Guest::start(place, "guest", &rules, &[])?;
    let device = device(&guest)?;
    let game = place.folder.join(GAME);
    std::fs::copy("/bin/sleep", &game).context("could not make a game")?;
    let bench = Bench { place, guest: &guest, device, game };
    let obeying = bench.series("a job that ends when asked", OBEYS, Trigger::Mouse, OBEYING)?;
    let stubborn = bench.series("a job that does not", DOES_NOT, Trigger::Mouse, STUBBORN)?;
    let games = bench.series("a game", OBEYS, Trigger::Game, GAMES)?;
    Ok(vec![
        obeying.figure("yield.p95_s", 1.0, "mouse moved to container gone, a job that obeys SIGTERM"),
        stubborn.figure("yield.stubborn_p95_s", f64::from(GRACE_S) + 0.5, "the same, a job that ignores it, with 2 s of grace"),
        games.figure("yield.game_p95_s", 1.5, "a program of the owner's list started to container gone, 1 s of grace"),
    ])
}

fn device(guest: &Guest) -> Result<String> {
    let begun = Instant::now();
    while begun.elapsed() < WORK_LIMIT {
        if let Ok(snapshot) = guest.snapshot() {
            return Ok(snapshot["rig"]["device"].as_str().context("the rig has no name")?.to_owned());
        }
        sleep(Duration::from_millis(200));
    }
    bail!("the agent does not answer")
}

struct Bench<'a> {
    place: &'a Place,
    guest: &'a Guest,
    device: String,
    game: std::path::PathBuf,
}

/// One series.
struct Series {
    took_s: Vec<f64>,
    missed: usize,
}

impl Series {
    fn figure(&self, id: &str, goal: f64, what: &str) -> Figure {
        let Self { took_s, missed } = self;
        Figure {
            id: id.to_owned(),
            value: within(took_s, 95),
            unit: "s".to_owned(),
            baseline: goal,
            note: format!(
                "{what}; p50 {:.2}, max {:.2}, {} times, {missed} missed",
                within(took_s, 50),
                within(took_s, 100),
                took_s.len() + missed
            ),
        }
    }
}

impl Bench<'_> {
    fn series(&self, what: &str, script: &str, trigger: Trigger, times: usize) -> Result<Series> {
        let mut series = Series { took_s: Vec::new(), missed: 0 };
        for number in 1..=times {
            match self.once(script, trigger, number)? {
                Some(took) => series.took_s.push(took.as_secs_f64()),
                None => series.missed += 1,
            }
            if number % 10 == 0 {
                story::tell(format_args!("{what}: {number} of {times}"));
            }
        }
        Ok(series)
    }

    fn once(&self, script: &str, trigger: Trigger, number: usize) -> Result<Option<Duration>> {
        let submitted = capture(self.place.network.customer().args(["submit", "--file"]).arg(job(self.place, script, 1)?))?;
        let container = self.running()?;
        // Long enough for the shell to have set its trap.
        sleep(Duration::from_millis(400));
        let mut ended = docker().args(["wait", &container]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let begun = Instant::now();
        let playing = self.trigger(trigger, number)?;
        let took = wait(&mut ended, begun)?;
        capture(self.place.network.customer().args(["cancel", submitted.trim()]))?;
        if let Some(mut playing) = playing {
            playing.kill().context("the game does not end")?;
            playing.wait().context("the game does not end")?;
        }
        Ok(took)
    }

    /// The container of the job, once it runs.
    fn running(&self) -> Result<String> {
        let begun = Instant::now();
        while begun.elapsed() < WORK_LIMIT {
            let label = format!("label=headframe.device={}", self.device);
            let found = capture(docker().args(["ps", "--quiet", "--no-trunc", "--filter", &label]))?;
            if let Some(id) = found.lines().next() {
                return Ok(id.to_owned());
            }
            sleep(Duration::from_millis(50));
        }
        bail!("no job runs; the agent says {:?}", self.guest.phase())
    }

    fn trigger(&self, trigger: Trigger, number: usize) -> Result<Option<Child>> {
        match trigger {
            Trigger::Mouse => {
                let mut mouse = command("xdotool");
                self.place.display.lend(&mut mouse);
                // To and fro, so that each is a movement.
                let place = if number.is_multiple_of(2) { "100" } else { "200" };
                capture(mouse.args(["mousemove", place, place]))?;
                Ok(None)
            }
            Trigger::Game => Ok(Some(command(&self.game).arg("600").spawn().context("the game does not start")?)),
        }
    }
}

/// From `begun` until `ended` has; nothing if it takes too long.
fn wait(ended: &mut Child, begun: Instant) -> Result<Option<Duration>> {
    loop {
        if ended.try_wait().context("could not look after docker")?.is_some() {
            return Ok(Some(begun.elapsed()));
        }
        if begun.elapsed() > MISSED_AFTER {
            ended.kill().ok();
            ended.wait().ok();
            return Ok(None);
        }
        sleep(Duration::from_millis(5));
    }
}
