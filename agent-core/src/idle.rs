//! Is the owner away, and what else do his rules say?
//!
//! The platform probes only measure. All judgement (threshold, hysteresis, what a silent probe means) is in [`policy`],
//! which is pure and is where to look when a rig starts too early or too late; [`rules`] is what the owner may write. A missing probe
//! is reported as missing, never as "away".

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use headframe_protocol::control::WaitReason;
use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

use crate::{
    clock,
    tasks::{self, Tasks},
};

pub mod policy;
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
pub use probe::{FakeProbe, IdleProbe, Part, ProbeError, Reading, Sign};
pub use rules::Rules;

/// How often it is looked whether a probe is due. An owner who comes back notices half a second, not a quarter.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often it is looked whether the owner has changed his rules.
const RULES_EVERY: Duration = Duration::from_secs(2);

/// What is known about the owner now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleState {
    /// What is believed.
    pub idleness: Idleness,
    /// What else stands in the way of working.
    pub hindrances: Vec<WaitReason>,
    /// What each probe says.
    pub probes: Vec<Reading>,
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

    fn read(&mut self, now: Instant) {
        // A little early is not early: two looks are not exactly a period apart.
        let is_due = self.read_at.is_none_or(|read| now + LOOK_EVERY / 2 >= read + self.probe.every());
        if is_due {
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
}

impl Lookout {
    fn look(&mut self) -> IdleState {
        let now = Instant::now();
        self.rules.look(&mut self.policy, now);
        self.probes.iter_mut().for_each(|watched| watched.read(now));
        let probes: Vec<Reading> = self.probes.iter().map(|watched| watched.reading.clone()).collect();
        let Belief { idleness, hindrances } = self.policy.judge(&probes, clock::now());
        IdleState { idleness, hindrances, probes }
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
        if self.looked_at.is_some_and(|looked| now < looked + RULES_EVERY) {
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
    tasks: &Tasks,
) -> watch::Receiver<IdleState> {
    let rules = RulesFile { file: data_dir.join(rules::FILE_NAME), text: None, looked_at: None };
    let mut lookout = Lookout { policy, probes: probes.into_iter().map(Watched::new).collect(), rules };
    let first = lookout.look();
    let (sender, receiver) = watch::channel(first);
    let stop = tasks.stopped();
    tasks.spawn("idle", async move {
        let mut beat = tokio::time::interval(LOOK_EVERY);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = beat.tick() => {}
            }
            // A probe asks a server on this PC, which mostly takes microseconds; but it is not async, and the server may hang.
            let mut looked = Box::pin(tasks::apart(move || {
                let state = lookout.look();
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
        let news = (known.idleness, &known.hindrances) != (state.idleness, &state.hindrances) || works(known) != works(&state);
        if std::mem::discriminant(&known.idleness) != std::mem::discriminant(&state.idleness) {
            info!(idle.state = ?state.idleness, "The owner is {}", state.idleness);
        }
        if known.hindrances != state.hindrances {
            info!(idle.hindrances = ?state.hindrances, "The owner's rules have {} against working", count(&state.hindrances));
        }
        *known = state;
        news
    });
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
    IdleState { idleness: Idleness::Unknown, hindrances: known.hindrances.clone(), probes }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

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
        let mut owner = watch_owner(policy, probes, folder.path(), &tasks);
        assert_eq!(owner.borrow().idleness, Idleness::Away);
        let unknown = |state: &IdleState| state.idleness == Idleness::Unknown && state.probes[0].says.is_err();
        owner.wait_for(unknown).await.expect("it is told");
        // It comes back, and is believed again.
        for _ in 0..2 {
            let_go.send(()).expect("the probe lives");
        }
        owner.wait_for(|state| state.idleness == Idleness::Away).await.expect("it is told");
        drop(let_go);
        tasks.shutdown(Duration::from_secs(1)).await;
    }
}
