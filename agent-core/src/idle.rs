//! Is the owner away?
//!
//! The platform probes only measure. All judgement (threshold, hysteresis, what a silent probe means) is in [`policy`],
//! which is pure and is where to look when a rig starts too early or too late. A missing probe is reported as missing,
//! never as "away".

use std::time::Duration;

use tokio::sync::watch;
use tracing::info;

use crate::{
    clock,
    tasks::{self, Tasks},
};

pub mod policy;
mod probe;
#[cfg(target_os = "linux")]
mod x11;

pub use policy::{Idleness, Policy};
pub use probe::{FakeProbe, IdleProbe, ProbeError, Reading};

/// How often the probes are read. An owner who comes back notices half a second, not a quarter.
const READ_EVERY: Duration = Duration::from_millis(250);

/// What is known about the owner now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleState {
    /// What is believed.
    pub idleness: Idleness,
    /// What each probe says.
    pub probes: Vec<Reading>,
}

/// The probes that exist on this platform. None is not an error here: the policy knows what to make of it.
#[must_use]
pub fn platform_probes() -> Vec<Box<dyn IdleProbe>> {
    #[cfg(target_os = "linux")]
    return vec![Box::new(x11::X11Idle::new())];
    #[cfg(not(target_os = "linux"))]
    return Vec::new();
}

/// Reads `probes` until the tasks are stopped, and says what follows from them.
#[must_use]
pub fn watch_owner(mut policy: Policy, mut probes: Vec<Box<dyn IdleProbe>>, tasks: &Tasks) -> watch::Receiver<IdleState> {
    let first = look(&mut policy, &mut probes);
    let (sender, receiver) = watch::channel(first);
    let stop = tasks.stopped();
    tasks.spawn("idle", async move {
        let mut beat = tokio::time::interval(READ_EVERY);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = beat.tick() => {}
            }
            // A probe asks a server on this PC, which mostly takes microseconds; but it is not async, and the server may hang.
            let mut looked = Box::pin(tasks::apart(move || {
                let state = look(&mut policy, &mut probes);
                (policy, probes, state)
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
            let Some((kept_policy, kept_probes, state)) = in_time else {
                // It panicked, and took the probes along. Without them there is no telling for the rest of this life.
                tell(&sender, unseen(&sender, "it has failed; start the agent again"));
                stop.cancelled().await;
                return;
            };
            (policy, probes) = (kept_policy, kept_probes);
            tell(&sender, state);
        }
    });
    receiver
}

fn tell(sender: &watch::Sender<IdleState>, state: IdleState) {
    sender.send_if_modified(|known| {
        let news = *known != state;
        if std::mem::discriminant(&known.idleness) != std::mem::discriminant(&state.idleness) {
            info!(idle.state = ?state.idleness, "The owner is {}", state.idleness);
        }
        *known = state;
        news
    });
}

/// The state when no probe can be heard.
fn unseen(sender: &watch::Sender<IdleState>, why: &str) -> IdleState {
    let silent = |known: &Reading| Reading { name: known.name, idle: Err(ProbeError(why.to_owned())) };
    IdleState { idleness: Idleness::Unknown, probes: sender.borrow().probes.iter().map(silent).collect() }
}

fn look(policy: &mut Policy, probes: &mut [Box<dyn IdleProbe>]) -> IdleState {
    let readings: Vec<Reading> = probes.iter_mut().map(|probe| Reading { name: probe.name(), idle: probe.read() }).collect();
    IdleState { idleness: policy.judge(&readings, clock::now()), probes: readings }
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

        fn read(&mut self) -> Result<Duration, ProbeError> {
            if std::mem::replace(&mut self.made, true) {
                self.let_go.recv().expect("the test lives");
            }
            Ok(Duration::from_secs(3_600))
        }
    }

    #[tokio::test]
    async fn a_probe_that_hangs_is_an_owner_who_is_here() {
        let (let_go, gate) = mpsc::channel();
        let tasks = Tasks::new();
        let policy = Policy::new(policy::Rule::AwayFor(Duration::from_secs(60)));
        let mut owner = watch_owner(policy, vec![Box::new(Stuck { made: false, let_go: gate })], &tasks);
        assert_eq!(owner.borrow().idleness, Idleness::Away);
        let unknown = |state: &IdleState| state.idleness == Idleness::Unknown && state.probes[0].idle.is_err();
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
