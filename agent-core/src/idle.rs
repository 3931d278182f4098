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
            let looked = tasks::apart(move || {
                let state = look(&mut policy, &mut probes);
                (policy, probes, state)
            });
            let Some((kept_policy, kept_probes, state)) = looked.await else { return };
            (policy, probes) = (kept_policy, kept_probes);
            sender.send_if_modified(|known| {
                let news = *known != state;
                if std::mem::discriminant(&known.idleness) != std::mem::discriminant(&state.idleness) {
                    info!(idle.state = ?state.idleness, "The owner is {}", state.idleness);
                }
                *known = state;
                news
            });
        }
    });
    receiver
}

fn look(policy: &mut Policy, probes: &mut [Box<dyn IdleProbe>]) -> IdleState {
    let readings: Vec<Reading> = probes.iter_mut().map(|probe| Reading { name: probe.name(), idle: probe.read() }).collect();
    IdleState { idleness: policy.judge(&readings, clock::now()), probes: readings }
}
