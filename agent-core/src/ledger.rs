//! What the work has earned: what the coordinator confirmed today, read from the store, and what is not settled yet,
//! computed from running times.

use std::time::Duration;

use headframe_protocol::{Micros, control::Earned, session::Outcome};
use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::{
    clock,
    store::{Chain, Store, Today},
    tasks::Tasks,
};

/// How often today is looked at without a settlement: midnight passes unasked.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Today's confirmed earnings, read again after every settlement.
#[derive(Debug)]
pub struct Ledger {
    today: watch::Receiver<Today>,
    settled: std::sync::Arc<Notify>,
}

impl Ledger {
    /// Reads now, after each [`Ledger::settled`], and once a minute until the tasks are stopped.
    #[must_use]
    pub fn open(store: Store, tasks: &Tasks) -> Self {
        let (sender, today) = watch::channel(Today::default());
        let settled = std::sync::Arc::new(Notify::new());
        let (nudge, stop) = (std::sync::Arc::clone(&settled), tasks.stopped());
        tasks.spawn("ledger", async move {
            loop {
                match store.settled_since(clock::midnight_before(clock::wall())).await {
                    Ok(today) => drop(sender.send_replace(today)),
                    Err(error) => warn!("Could not add up today's earnings: {}", Chain(&error)),
                }
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = nudge.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        });
        Self { today, settled }
    }

    /// Something was settled.
    pub fn settled(&self) {
        self.settled.notify_one();
    }

    /// What today has earned, with `pending` for what is not settled.
    #[must_use]
    pub fn earned(&self, pending: Micros) -> Earned {
        let today = *self.today.borrow();
        Earned { confirmed: today.confirmed, pending, jobs: today.succeeded }
    }
}

/// What an unsettled attempt is worth by its running time. A failed one is worth what its last accepted checkpoint is:
/// nothing is promised.
#[must_use]
pub fn pending(earns_per_hour: Micros, running_ms: u64, outcome: Option<&Outcome>) -> Micros {
    match outcome {
        None | Some(Outcome::Succeeded { .. } | Outcome::Yielded { .. } | Outcome::Cancelled { .. }) => {
            earns_per_hour.per_hour_for(running_ms)
        }
        Some(Outcome::Failed { .. }) => Micros::ZERO,
    }
}
