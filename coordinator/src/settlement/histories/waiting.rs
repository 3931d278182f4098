//! Earnings that wait for checks, and what comparisons find. Who is compared with whom is no matter of money, and left out.

use std::{panic::AssertUnwindSafe, time::Duration};

use anyhow::Result;
use futures_util::FutureExt as _;
use headframe_protocol::{AttemptId, DeviceId};
use proptest::prelude::*;

use super::{
    acts::{Act, permille, seldom},
    play::{part, pick},
    scene::{RIGS, Running, World},
};
use crate::{
    fail,
    store::{
        Tx, commit, lifecycle,
        verify::{self, given_back, holds},
    },
    verify::{
        Class,
        hold::{SpeaksFor, Terms},
    },
};

/// Short ones, so that a history sees them end.
pub(super) const TERMS: Terms =
    Terms { probation: Duration::from_mins(10), unconfirmed_max: Duration::from_hours(3), allowance_permille: 250 };

/// Rows settled at once.
const LIMIT: u32 = 64;

/// What a comparison has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Right,
    Wrong,
    /// A result that came of checkpoints is right, which were worth so many thousandths of their time.
    Shown(u16),
    /// A result that came of checkpoints is wrong.
    Doubted,
    /// Results took longer than they need, and are worth so many thousandths of it.
    Slow(u16),
}

pub(super) fn checks() -> impl Strategy<Value = Act> {
    let found = prop_oneof![
        2 => Just(Checked::Right),
        1 => Just(Checked::Wrong),
        2 => permille().prop_map(Checked::Shown),
        1 => Just(Checked::Doubted),
        1 => permille().prop_map(Checked::Slow),
    ];
    prop_oneof![
        2 => (0..RIGS, found).prop_map(|(rig, found)| Act::Checked { rig, found }),
        2 => seldom().prop_map(|broken| Act::Waited { broken }),
    ]
}

/// What an attempt that was given back leaves: its job goes on from there.
pub(super) async fn leave_checkpoint(tx: &mut Tx, running: Running) -> Result<()> {
    let leave = "UPDATE job SET checkpoint_attempt_id = $1 WHERE id = $2 AND state = 'queued'";
    sqlx::query(leave).bind(running.at.attempt.to_string()).bind(running.job.to_string()).execute(&mut **tx).await?;
    Ok(())
}

impl World {
    /// The reconcilers of earnings that wait run, one of them perhaps twice because it broke off.
    pub(super) async fn waited(&self, broken: bool) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let over = holds::over(&mut connection, &TERMS, self.now, LIMIT).await?;
        let due = given_back::due(&mut connection, &TERMS, self.now, LIMIT).await?;
        drop(connection);
        for waiting in &over {
            for _twice in 0..2 {
                let mut tx = self.app.store.begin().await?;
                holds::release(&mut tx, waiting, self.now).await?;
                commit(tx, "let earnings go").await?;
            }
        }
        for whose in due {
            if broken {
                fail::break_at(Some("given_back"));
                let done = AssertUnwindSafe(self.settle(whose)).catch_unwind().await;
                fail::break_at(None);
                match done {
                    Ok(done) => done?,
                    Err(payload) if payload.is::<fail::Broken>() => {}
                    Err(payload) => std::panic::resume_unwind(payload),
                }
            }
            self.settle(whose).await?;
        }
        self.give_back_lapsed(broken).await
    }

    async fn give_back_lapsed(&self, broken: bool) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let lapsed = lifecycle::lapsed(&mut connection, LIMIT).await?;
        drop(connection);
        for which in lapsed {
            for last in [false, true] {
                let mut tx = self.app.store.begin().await?;
                lifecycle::give_back_lapsed(&mut tx, which, self.now).await?;
                // Broken off before it is in the books, it is done again.
                if last || !broken {
                    commit(tx, "give back what has lapsed").await?;
                }
            }
        }
        Ok(())
    }

    async fn settle(&self, whose: (DeviceId, crate::store::ledger::Coin)) -> Result<()> {
        let mut tx = self.app.store.begin().await?;
        given_back::settle(&mut tx, &TERMS, whose, self.now).await?;
        fail::point("given_back");
        Ok(commit(tx, "settle time given back").await?)
    }

    pub(super) async fn checked(&self, rig: usize, found: Checked) -> Result<()> {
        let (device, mut tx) = (self.rigs[rig].device(), self.app.store.begin().await?);
        match found {
            Checked::Right => {
                verify::note_right(&mut tx, device, &Class::cpu()).await?;
                verify::holds::confirm(&mut tx, device, SpeaksFor::All { until: self.now }).await?
            }
            Checked::Slow(permille) => drop(verify::pace::worth_a_share(&mut tx, device, u64::from(permille), self.now).await?),
            Checked::Wrong => drop(holds::forfeit(&mut tx, device, self.now).await?),
            Checked::Shown(permille) => {
                if let Some((result, by)) = gone_on_with(&mut tx, rig).await? {
                    let claimed: u64 = given_back::chain(&mut tx, result).await?.iter().map(|link| link.ms).sum();
                    let worth = part(i64::try_from(claimed)?, permille).unsigned_abs();
                    given_back::shown(&mut tx, (result, by, 1_000), worth + 1_000, self.now).await?;
                }
            }
            Checked::Doubted => {
                if let Some((result, by)) = gone_on_with(&mut tx, rig).await? {
                    let links = given_back::chain(&mut tx, result).await?;
                    let involved: Vec<DeviceId> = links.iter().map(|link| link.device).chain([by]).collect();
                    let trial = format!("tri_{result}");
                    sqlx::query(
                        "INSERT INTO trial (id, kind, state, job_id, customer_id, asked, comparison, look_ms, give_up_ms, created_ms)
                         VALUES ($1, 'adaptive', 'closed', '', '', 2, '', 0, 0, 0) ON CONFLICT (id) DO NOTHING",
                    )
                    .bind(trial.clone())
                    .execute(&mut *tx)
                    .await?;
                    holds::forfeit_one(&mut tx, result, self.now).await?;
                    given_back::doubt(&mut tx, (&trial, 0, result), &involved, self.now).await?;
                }
            }
        }
        Ok(commit(tx, "note what was found").await?)
    }
}

/// One of the accepted results that came of a checkpoint, and whose it is.
async fn gone_on_with(tx: &mut Tx, number: usize) -> Result<Option<(AttemptId, DeviceId)>> {
    let results = "SELECT id, device_id FROM attempt WHERE state = 'succeeded' AND resumed_from IS NOT NULL ORDER BY id";
    let rows: Vec<(String, String)> = sqlx::query_as(results).fetch_all(&mut **tx).await?;
    pick(&rows, number).map(|(result, device)| Ok((result.parse()?, device.parse()?))).transpose()
}
