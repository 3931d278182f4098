//! How a history ends: everybody comes to rest, and everything that is under way is brought to its end.

use anyhow::{Result, ensure};

use super::{
    acts::{Claimed, Crash, Ended},
    market::At,
    scene::{HOME, OWNERS, RIGS, World},
};
use crate::store::steps;

/// Rounds of a quarter of an hour until everything must have come to its end: payouts are an hour apart, and each of the two windows
/// is ten minutes.
const ROUNDS_MAX: u32 = 80;

/// Rounds after which a payout that is still not active lacks money.
const COVERED_AFTER: u32 = 30;

impl World {
    /// Nobody does anything new; settlement finishes what there is.
    pub(super) async fn wind_up(&mut self) -> Result<()> {
        while !self.running.is_empty() {
            self.finish(0, (0, 0), Ended::Lost, Crash::No).await?;
        }
        for job in self.jobs.clone() {
            self.ask_to_end(job).await?;
        }
        self.pass(1_000);
        for rig in 0..RIGS {
            self.terms(rig, rig % OWNERS, HOME, (false, true)).await?;
        }
        for order in 0..self.orders.len() {
            self.revoke(order);
        }
        let mut left = Vec::new();
        for round in 0..ROUNDS_MAX {
            self.end_disputes().await?;
            for chain in 0..self.nodes.len() {
                self.undo(chain).await?;
            }
            self.close_all().await?;
            self.look_after_cards().await?;
            self.waited(false).await?;
            self.rounds(1).await?;
            self.pass(900_000);
            left = self.under_way().await?;
            if left.is_empty() {
                return self.take_all().await;
            }
            if round == COVERED_AFTER {
                // Tabs are settled together with payouts only. Where nothing is paid out they are not, and their day comes.
                self.pass(8 * 24 * 3_600_000);
            }
            if round >= COVERED_AFTER {
                self.cover_losses().await?;
            }
        }
        ensure!(left.is_empty(), "nothing ends any more: {left:#?}");
        Ok(())
    }

    /// Arbiters decide as was proposed; where they came too late, somebody closes the session.
    async fn end_disputes(&mut self) -> Result<()> {
        for chain in 0..self.nodes.len() {
            let disputed = self.nodes[chain].state.market.sessions.values().filter(|session| session.at == At::Disputed).count();
            for _session in 0..disputed {
                self.resolve(chain, 0, 1_000).await?;
                self.release(chain, 0).await?;
            }
        }
        Ok(())
    }

    /// What an arbiter or somebody who closed a session has kept from the Distributor, the operator puts in. Nothing else is ever missing.
    async fn cover_losses(&mut self) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let sql = "SELECT COUNT(*) FROM chain_event WHERE name IN ('Resolved', 'Released')";
        let (losses,): (i64,) = sqlx::query_as(sql).fetch_one(&mut *connection).await?;
        drop(connection);
        for chain in 0..self.nodes.len() {
            self.release_late(chain).await?;
            if losses > 0 {
                self.cover(chain);
            }
        }
        Ok(())
    }

    /// Every owner takes everything he is owed, and there is nothing left for him to take.
    async fn take_all(&mut self) -> Result<()> {
        for number in 0..OWNERS * 3 {
            self.claim(number, 0, false, Claimed::Twice).await?;
        }
        self.catch_up().await?;
        for node in &self.nodes {
            for (token, payable) in &node.state.distributor.payable {
                ensure!(payable.claimed == payable.announced, "not all of {token} was claimed: {payable:?}");
            }
        }
        Ok(())
    }

    async fn close_all(&mut self) -> Result<()> {
        let mut tx = self.app.store.begin().await?;
        sqlx::query("UPDATE tab SET state = 'closing' WHERE state = 'open' AND order_id IS NOT NULL").execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// What is not at its end.
    async fn under_way(&self) -> Result<Vec<String>> {
        let mut connection = self.app.store.read().await?;
        let mut left = Vec::new();
        for (what, sql) in [
            (
                "tab",
                "SELECT id || ' ' || state || ' ' || reserved || ' ' || used || ' ' || settled FROM tab
                 WHERE state <> 'closed' AND (order_id IS NOT NULL OR used <> settled)",
            ),
            ("payout", "SELECT chain || ' ' || epoch || ' ' || state FROM payout WHERE state NOT IN ('active', 'undone')"),
            (
                "earnings",
                "SELECT account || ' ' || asset || chain || ' ' || balance FROM account
                 WHERE account LIKE 'rig:%:credit' AND chain <> 0 AND balance <> 0",
            ),
            (
                "withheld",
                "SELECT account || ' ' || asset || chain || ' ' || balance FROM account
                 WHERE account LIKE 'rig:%:withheld' AND balance <> 0",
            ),
            ("leaving", "SELECT account || ' ' || balance FROM account WHERE account LIKE 'customer:%:leaving' AND balance <> 0"),
            ("held", "SELECT account || ' ' || balance FROM account WHERE account LIKE 'customer:%:held' AND balance <> 0"),
            (
                "available",
                "SELECT account || ' ' || asset || chain || ' ' || balance FROM account
                 WHERE account LIKE 'customer:%:available' AND chain <> 0 AND balance <> 0",
            ),
        ] {
            let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut *connection).await?;
            left.extend(rows.into_iter().map(|(row,)| format!("{what} {row}")));
        }
        for node in &self.nodes {
            let open = steps::open(&mut connection, node.id(), 64).await?;
            left.extend(open.into_iter().map(|step| format!("step {} {:?}", step.id, step.state)));
        }
        Ok(left)
    }
}
