//! What the work has earned: what the coordinator confirmed today and what its power cost, read from the store, and what is not settled
//! yet, computed from running times.

use std::time::Duration;

use headframe_protocol::{
    Micros, TimestampMs,
    control::{Earned, EarningsSum},
    job::AttemptState,
    session::Outcome,
};
use tokio::sync::{Notify, watch};
use tracing::warn;

pub(crate) mod sum;

use crate::{
    clock,
    store::{Chain, EarnedRow, Store, StoreError},
    tasks::Tasks,
};

/// How often today is looked at without a settlement: midnight passes unasked.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What was settled since some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Today {
    /// What was earned, and what its power cost.
    pub(crate) sum: EarningsSum,
    /// Attempts that succeeded.
    pub(crate) succeeded: u32,
}

/// What was settled since `midnight`; what a clock that was wrong put into the future is among it.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn since(store: &Store, midnight: TimestampMs) -> Result<Today, StoreError> {
    let mut today = Today::default();
    let see = |row: &EarnedRow| {
        sum::add(&mut today.sum, &sum::sum_of(row));
        today.succeeded = today.succeeded.saturating_add(u32::from(row.state == AttemptState::Succeeded));
    };
    store.each_earned((midnight, TimestampMs::from_millis(i64::MAX)), see).await?;
    Ok(today)
}

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
                match since(&store, clock::midnight_before(clock::wall())).await {
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
        let Today { sum, succeeded } = *self.today.borrow();
        let EarningsSum { jobs: confirmed, power, net, attempts, unmeasured, unpriced, .. } = sum;
        Earned { confirmed, pending, jobs: succeeded, power, net, attempts, unmeasured, unpriced }
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
