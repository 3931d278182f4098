//! Is the owner away, and what else do his rules say?
//!
//! The platform probes only measure. All judgement (threshold, hysteresis, what a silent probe means) is in [`policy`],
//! which is pure and is where to look when a rig starts too early or too late; [`rules`] is what the owner may write. A missing probe
//! is reported as missing, never as "away".

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use headframe_protocol::{control::WaitReason, rig::Refusals};
use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

use crate::{
    clock::{self, Moment},
    pace::Pace,
    settings::Timers,
    tasks::{self, Tasks},
};

pub mod diary;
pub mod policy;
pub mod replay;
pub mod rules;
mod probe;
mod asked;
mod usage;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(target_os = "windows", test))]
mod windows;
#[cfg(any(target_os = "macos", test))]
mod macos;

pub use policy::{Belief, Idleness, Policy};
pub use probe::{FakeProbe, GpuProgram, GpuUse, IdleProbe, ProbeError, Reading, Sign};
pub use rules::{Gate, GivingBack, Internet, Network, Rules, Terms};

/// Two looks closer together than this are one.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often is asked, while no work can begin anyway, what only stands in the way of it.
const RESTING_EVERY: Duration = Duration::from_secs(20);

/// How often the same is asked while it alone stands in the way, and may be over any moment, as a game is.
const HELD_UP_EVERY: Duration = Duration::from_secs(5);

/// The shortest time between two looks where nothing is due sooner.
const QUICKEST: Duration = Duration::from_millis(250);

/// How often it is looked whether the owner has changed his rules.
const RULES_EVERY: Duration = Duration::from_secs(2);

/// What is known about the owner now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleState {
    /// What is believed.
    pub belief: Belief,
    /// What his rules want of an hour.
    pub terms: Terms,
    /// How far jobs may reach the internet, if they may.
    pub internet: Option<Internet>,
    /// How much of the line may be used for jobs, if that is known.
    pub network: Option<Network>,
    /// Which jobs he does not want, if that is known.
    pub refuses: Option<Refusals>,
    /// What each probe says.
    pub probes: Vec<Reading>,
}

/// Whether a process, by its id and its name, belongs to a job, or measures or proves what a card can do: what it takes of a card does not
/// count as the owner's.
#[must_use]
pub fn is_ours(pid: u32, name: &str) -> bool {
    #[cfg(target_os = "linux")]
    return linux::is_ours(pid, name);
    // Elsewhere jobs run in a virtual machine of ours, and the card's driver sees only that.
    #[cfg(not(target_os = "linux"))]
    return pid != 0 && ["vmmem", crate::benchmark::child::PROGRAM].iter().any(|ours| name.to_lowercase().starts_with(ours));
}

/// The probes that exist on this platform. None is not an error here: the policy knows what to make of it.
#[must_use]
pub fn platform_probes() -> Vec<Box<dyn IdleProbe>> {
    #[cfg(target_os = "linux")]
    return linux::probes();
    #[cfg(target_os = "windows")]
    return windows::probes();
    #[cfg(target_os = "macos")]
    return macos::probes();
    #[cfg(not(any(target_os = "linux", target_os = "windows", target_os = "macos")))]
    return Vec::new();
}

/// How closely is looked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glance {
    /// As closely as that asks for.
    At(Pace),
    /// At rest, but only until something ends that may end any moment.
    HeldUp,
}

/// A probe and what it said last.
struct Watched {
    probe: Box<dyn IdleProbe>,
    read_at: Option<Instant>,
    reading: Reading,
}

impl Watched {
    fn new(probe: Box<dyn IdleProbe>) -> Self {
        let reading = Reading { name: probe.name(), says: Err(ProbeError::Absent("it was not asked yet".to_owned())) };
        Self { probe, read_at: None, reading }
    }

    /// When it is to be read again.
    fn due(&self, glance: Glance, timers: Timers) -> Option<Instant> {
        let every = self.probe.every();
        let every = match glance {
            Glance::At(Pace::Resting) if !self.tells_of_owner() => Pace::Resting.stretch(every).max(RESTING_EVERY),
            Glance::HeldUp if !self.tells_of_owner() => every.max(HELD_UP_EVERY),
            Glance::HeldUp => Pace::Resting.stretch(every),
            Glance::At(pace) => pace.stretch(every),
        };
        self.read_at.map(|read| read + timers.scaled(every))
    }

    /// Whether it decides when the owner counts as away.
    const fn tells_of_owner(&self) -> bool {
        matches!(self.reading.says, Ok(Sign::Input(_) | Sign::Session { .. }))
    }

    fn read(&mut self, now: Instant, glance: Glance, timers: Timers) {
        // A little early is not early: what is due about now is read together, so that one waking does for all of it.
        let early = match glance {
            Glance::At(Pace::Resting) if !self.tells_of_owner() => timers.scaled(RESTING_EVERY) / 2,
            Glance::HeldUp if !self.tells_of_owner() => timers.scaled(HELD_UP_EVERY) / 2,
            Glance::HeldUp | Glance::At(_) => LOOK_EVERY / 2,
        };
        if self.due(glance, timers).is_none_or(|due| now + early >= due) {
            self.read_at = Some(now);
            self.reading.says = self.probe.read();
        }
    }
}

/// Everything that is looked with.
struct Lookout {
    policy: Policy,
    probes: Vec<Watched>,
    rules: RulesFile,
    timers: Timers,
    /// When the owner counts as away if he touches nothing more; then everything is read, however long it is not due.
    away_at: Option<Moment>,
    /// The owner is away, and something else stands in the way that may be over any moment.
    is_held_up: bool,
}

impl Lookout {
    const fn new(policy: Policy, probes: Vec<Watched>, rules: RulesFile, timers: Timers) -> Self {
        Self { policy, probes, rules, timers, away_at: None, is_held_up: false }
    }

    const fn glance(&self, pace: Pace) -> Glance {
        match pace {
            Pace::Resting if self.is_held_up => Glance::HeldUp,
            _ => Glance::At(pace),
        }
    }

    fn look(&mut self, pace: Pace) -> IdleState {
        let (now, timers) = (Instant::now(), self.timers);
        self.rules.look(&mut self.policy, now);
        let is_decisive = self.away_at.is_some_and(|away_at| clock::now().moment >= away_at);
        let glance = if is_decisive { Glance::At(Pace::Yielding) } else { self.glance(pace) };
        for watched in &mut self.probes {
            watched.read(now, glance, timers);
        }
        let probes: Vec<Reading> = self.probes.iter().map(|watched| watched.reading.clone()).collect();
        let now = clock::now();
        let belief = self.policy.judge(&probes, now);
        self.away_at = match belief.idleness {
            Idleness::Present { away_at, .. } => Some(away_at.moment),
            Idleness::Away | Idleness::Unknown => None,
        };
        self.is_held_up = belief.idleness == Idleness::Away && belief.may_pass_any_moment();
        IdleState {
            belief,
            terms: self.policy.terms(now.wall),
            internet: self.policy.internet(),
            network: self.policy.network(),
            refuses: self.policy.refuses(),
            probes,
        }
    }

    /// When it is to be looked again.
    fn due(&self, pace: Pace) -> Instant {
        let (now, glance) = (Instant::now(), self.glance(pace));
        let probes = self.probes.iter().map(|watched| watched.due(glance, self.timers).unwrap_or(now));
        let rules = self.rules.looked_at.map_or(now, |looked| looked + self.timers.scaled(pace.stretch(RULES_EVERY)));
        let decision = self.away_at.map(|away_at| now + away_at.since(clock::now().moment));
        let due = probes.chain([rules]).chain(decision).min().unwrap_or(rules);
        due.max(now + LOOK_EVERY.min(self.timers.scaled(QUICKEST)))
    }
}

/// Where the owner writes his rules, and as which he has written them last.
struct RulesFile {
    file: PathBuf,
    /// Or why it cannot be read; nothing before the first look.
    text: Option<Result<String, String>>,
    looked_at: Option<Instant>,
}

impl RulesFile {
    /// Reads the file if that is due, and tells the policy if it says something else than before.
    fn look(&mut self, policy: &mut Policy, now: Instant) {
        if self.looked_at.is_some_and(|looked| now < looked + LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(now);
        let text = rules::read(&self.file).map_err(|error| error.to_string());
        if self.text.as_ref() == Some(&text) {
            return;
        }
        let rules = text.clone().and_then(|text| Rules::parse(&text, &self.file).map_err(|error| error.to_string()));
        match &rules {
            Ok(_) if self.text.is_some() => info!("The owner's rules have changed"),
            Ok(_) => {}
            Err(error) => warn!(error, "The owner's rules cannot be understood; nothing works until they can"),
        }
        self.text = Some(text);
        policy.change(rules);
    }
}

/// Reads `probes` until the tasks are stopped, and says what follows from them and from the owner's rules in `data_dir`.
#[must_use]
pub fn watch_owner(
    policy: Policy,
    probes: Vec<Box<dyn IdleProbe>>,
    data_dir: &Path,
    timers: Timers,
    mut pace: watch::Receiver<Pace>,
    tasks: &Tasks,
) -> watch::Receiver<IdleState> {
    let rules = RulesFile { file: data_dir.join(rules::FILE_NAME), text: None, looked_at: None };
    let probes = probes.into_iter().map(Watched::new).collect();
    let mut lookout = Lookout::new(policy, probes, rules, timers);
    let first = lookout.look(Pace::Working);
    let (sender, receiver) = watch::channel(first);
    let stop = tasks.stopped();
    tasks.spawn("idle", async move {
        loop {
            let now = *pace.borrow_and_update();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(lookout.due(now)) => {}
                // Whoever begins to matter is looked at at once.
                Ok(()) = pace.changed() => continue,
            }
            // A probe asks a server on this PC, which mostly takes microseconds; but it is not async, and the server may hang.
            let mut looked = Box::pin(tasks::apart(move || {
                let state = lookout.look(now);
                (lookout, state)
            }));
            let in_time = match tokio::time::timeout(policy::SILENCE_MAX, &mut looked).await {
                Ok(looked) => looked,
                // Nobody knows what the owner is doing: he is taken to be here until the probe has come back.
                Err(_) => {
                    tell(&sender, unseen(&sender, "it does not answer"));
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        looked = looked => looked,
                    }
                }
            };
            let Some((kept, state)) = in_time else {
                // It panicked, and took the probes along. Without them there is no telling for the rest of this life.
                tell(&sender, unseen(&sender, "it has failed; start the agent again"));
                stop.cancelled().await;
                return;
            };
            lookout = kept;
            tell(&sender, state);
        }
    });
    receiver
}

fn tell(sender: &watch::Sender<IdleState>, state: IdleState) {
    sender.send_if_modified(|known| {
        // What a probe measures changes all the time; what follows from it does not.
        let works =
            |state: &IdleState| state.probes.iter().map(|reading| reading.says.as_ref().err().cloned()).collect::<Vec<_>>();
        let (before, after) = (&known.belief, &state.belief);
        let news = before != after
            || (known.terms, known.internet, known.network) != (state.terms, state.internet, state.network)
            || known.refuses != state.refuses
            || works(known) != works(&state);
        if std::mem::discriminant(&before.idleness) != std::mem::discriminant(&after.idleness) {
            info!(idle.state = ?after.idleness, "The owner is {}", after.idleness);
        }
        if before.hindrances != after.hindrances {
            info!(idle.hindrances = ?after.hindrances, "The owner's rules have {} against working", count(&after.hindrances));
        }
        if before.gpus != after.gpus {
            info!(idle.gpus = ?after.gpus, "The owner needs {} graphics cards himself", after.gpus.len());
        }
        if known.internet != state.internet {
            info!(idle.internet = ?state.internet, "The owner's rules let jobs reach {}", reach(state.internet));
        }
        *known = state;
        news
    });
}

fn reach(internet: Option<Internet>) -> &'static str {
    if internet.is_some() { "the hosts they name" } else { "nothing on the internet" }
}

fn count(hindrances: &[WaitReason]) -> String {
    match hindrances.len() {
        0 => "nothing".to_owned(),
        1 => "one thing".to_owned(),
        more => format!("{more} things"),
    }
}

/// The state when no probe can be heard.
fn unseen(sender: &watch::Sender<IdleState>, why: &str) -> IdleState {
    let known = sender.borrow();
    let silent = |known: &Reading| Reading { name: known.name, says: Err(ProbeError::Broken(why.to_owned())) };
    let probes = known.probes.iter().map(silent).collect();
    IdleState {
        belief: Belief { idleness: Idleness::Unknown, ..known.belief.clone() },
        terms: known.terms,
        internet: known.internet,
        network: known.network,
        refuses: known.refuses.clone(),
        probes,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn every_probe_of_this_pc_answers_and_none_has_another_ones_name() {
        let mut probes = platform_probes();
        let names: std::collections::BTreeSet<_> = probes.iter().map(|probe| probe.name()).collect();
        assert_eq!(names.len(), probes.len());
        for probe in &mut probes {
            let says = probe.read();
            println!("{}: {says:?}", probe.name());
            if let Err(ProbeError::Absent(why) | ProbeError::Broken(why)) = says {
                assert!(!why.is_empty(), "{}", probe.name());
            }
        }
    }

    #[test]
    fn the_end_of_a_game_is_looked_for_sooner_than_the_end_of_a_closed_hour() {
        let folder = tempfile::tempdir().expect("a folder");
        let never = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| format!("{day} = \"{}\"\n", "-".repeat(24)));
        let every = |rules: &str, idle, sign| {
            let file = folder.path().join(rules::FILE_NAME);
            std::fs::write(&file, rules).expect("written");
            let probes: [Box<dyn IdleProbe>; 2] = [Box::new(FakeProbe::new(idle)), Box::new(FakeProbe::seeing(sign))];
            let rules = RulesFile { file, text: None, looked_at: None };
            let policy = Policy::new(Rules::shipped(), jiff::tz::TimeZone::UTC);
            let probes = probes.into_iter().map(Watched::new).collect();
            let mut lookout = Lookout::new(policy, probes, rules, Timers { divisor: 1 });
            lookout.look(Pace::Resting);
            let game = &lookout.probes[1];
            let due = |pace| game.due(lookout.glance(pace), lookout.timers).expect("it was read");
            [Pace::Resting, Pace::Ready].map(|pace| due(pace) - game.read_at.expect("it was read"))
        };
        let (long, ready) = (Duration::from_secs(3_600), Duration::from_millis(500));
        assert_eq!(every("", long, Sign::Fullscreen(true)), [HELD_UP_EVERY, ready]);
        assert_eq!(every("", long, Sign::Fullscreen(false)), [RESTING_EVERY, ready], "nothing to wait for");
        assert_eq!(every("", Duration::ZERO, Sign::Fullscreen(true)), [RESTING_EVERY, ready], "he is here anyway");
        let closed = format!("[schedule]\n{}", never.concat());
        assert_eq!(every(&closed, long, Sign::Fullscreen(true)), [RESTING_EVERY, ready], "nothing begins in this hour anyway");
    }

    /// Answers at once when made, then only when it is let.
    struct Stuck {
        made: bool,
        let_go: mpsc::Receiver<()>,
    }

    impl IdleProbe for Stuck {
        fn name(&self) -> &'static str {
            "Stuck"
        }

        fn read(&mut self) -> Result<Sign, ProbeError> {
            if std::mem::replace(&mut self.made, true) {
                self.let_go.recv().expect("the test lives");
            }
            Ok(Sign::Input(Duration::from_secs(3_600)))
        }
    }

    #[tokio::test]
    async fn a_probe_that_hangs_is_an_owner_who_is_here() {
        let (let_go, gate) = mpsc::channel();
        let tasks = Tasks::new();
        let policy = Policy::new(Rules::shipped(), jiff::tz::TimeZone::UTC);
        let folder = tempfile::tempdir().expect("a folder");
        let probes: Vec<Box<dyn IdleProbe>> = vec![Box::new(Stuck { made: false, let_go: gate })];
        let (_, pace) = watch::channel(Pace::Working);
        let mut owner = watch_owner(policy, probes, folder.path(), Timers { divisor: 1 }, pace, &tasks);
        assert_eq!(owner.borrow().belief.idleness, Idleness::Away);
        let unknown = |state: &IdleState| state.belief.idleness == Idleness::Unknown && state.probes[0].says.is_err();
        owner.wait_for(unknown).await.expect("it is told");
        // It comes back, and is believed again.
        for _ in 0..2 {
            let_go.send(()).expect("the probe lives");
        }
        owner.wait_for(|state| state.belief.idleness == Idleness::Away).await.expect("it is told");
        drop(let_go);
        tasks.shutdown(Duration::from_secs(1)).await;
    }
}
