//! What rigs and their owners do.

use anyhow::Result;
use futures_util::FutureExt as _;
use headframe_protocol::{
    JobId, Micros, Sha256,
    job::{AttemptState, Reason},
    payout::{PayoutTerms, SignedPayoutTerms, SignedSpendEarnings, SpendEarnings},
    receipt::{Receipt, SignedReceipt},
    session::AttemptRef,
};

use super::{
    acts::{Claimed, Crash, Ended, How},
    play::{part, pick, taken},
    scene::{HOME, Running, World, new_attempt, sign},
    waiting,
};
use crate::{
    fail, payouts,
    store::{
        attempts::{Claim, Terms, claim},
        checkpoints, commit, jobs,
        ledger::{self, Account},
        lifecycle::{self, Ending},
    },
};

impl World {
    /// A rig takes a job that waits, and starts it.
    pub(super) async fn begin(&mut self, job: usize, rig: usize, permille: u16) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT id FROM job WHERE state = 'queued' ORDER BY id").fetch_all(&mut *connection).await?;
        drop(connection);
        let Some((job,)) = pick(&rows, job) else { return Ok(()) };
        self.take(job.parse()?, rig, permille).await
    }

    async fn take(&mut self, job: JobId, rig: usize, permille: u16) -> Result<()> {
        let row = "SELECT epoch, CAST(spec ->> 'max_price_per_hour' AS BIGINT) FROM job WHERE id = $1";
        let mut connection = self.app.store.read().await?;
        let (epoch, price): (i64, i64) = sqlx::query_as(row).bind(job.to_string()).fetch_one(&mut *connection).await?;
        drop(connection);
        let (attempt, now) = (new_attempt(), self.now);
        let rules = self.rules();
        let claimed = Claim {
            job,
            epoch: epoch.unsigned_abs(),
            attempt,
            device: self.rigs[rig].device(),
            token: Sha256::of(attempt.to_string().as_bytes()),
            price_per_hour: Micros::new(part(price, permille).max(1)),
            class: "cpu".to_owned(),
            waited_s: 0,
        };
        let lease = now.after(rules.timers.lease_ttl);
        let terms = Terms { fee_bps: self.app.config.network.fee_bps, lease_until: lease, answer_by: lease, now };
        let mut tx = self.app.store.begin().await?;
        let won = claim(&mut tx, std::slice::from_ref(&claimed), terms, self.app.store.skip_locked()).await?;
        let at = AttemptRef { attempt, epoch: claimed.epoch + 1 };
        checkpoints::give(&mut tx, job, attempt).await?;
        for state in [AttemptState::Accepted, AttemptState::Running] {
            lifecycle::advance(&mut tx, &rules, claimed.device, at, state, now).await?;
        }
        commit(tx, "begin an attempt").await?;
        if won.contains_key(&job) {
            self.running.push(Running { at, job, rig, started: now });
        }
        Ok(())
    }

    /// One job from its submission to the end of its first attempt.
    pub(super) async fn work(
        &mut self,
        (person, hfr): (usize, bool),
        rig: usize,
        (per_hour, ran_s): (i64, u32),
        permille: u16,
        how: Ended,
    ) -> Result<()> {
        let before = self.jobs.len();
        self.submit(person, per_hour, ran_s.max(60), 1, hfr).await?;
        let Some(job) = self.jobs.get(before).copied() else { return Ok(()) };
        self.take(job, rig, 1_000).await?;
        self.finish(self.running.len() - 1, (ran_s, permille), how, Crash::No).await
    }

    /// Jobs that no rig has taken for a day fail.
    pub(super) async fn give_up_waiting(&self) -> Result<()> {
        let before = self.now.before(self.app.config.timers.queue);
        let mut tx = self.app.store.begin().await?;
        for job in jobs::waiting_since_before(&mut tx, before, 256).await? {
            lifecycle::fail_waiting(&mut tx, job, Reason::NoRig, self.now).await?;
        }
        Ok(commit(tx, "give jobs up").await?)
    }

    /// An attempt ends after some time, of which its rig signs for a part.
    pub(super) async fn finish(&mut self, number: usize, ran: (u32, u16), how: Ended, crash: Crash) -> Result<()> {
        let Some(running) = pick(&self.running, number).copied() else { return Ok(()) };
        let (ran_s, permille) = ran;
        self.pass(i64::from(ran_s) * 1_000);
        let ran_ms = i64::try_from(self.now.since(running.started).as_millis())?;
        self.receipts(running, part(ran_ms, permille)).await?;
        match crash {
            Crash::No => self.write_end(running, how, Written::Whole).await?,
            Crash::At(point) => {
                fail::break_at(Some(point));
                let broken = std::panic::AssertUnwindSafe(self.write_end(running, how, Written::Whole)).catch_unwind().await;
                fail::break_at(None);
                match broken {
                    Ok(done) => done?,
                    Err(payload) if payload.is::<fail::Broken>() => self.write_end(running, how, Written::Whole).await?,
                    Err(payload) => std::panic::resume_unwind(payload),
                }
            }
            Crash::BeforeCommit => {
                self.write_end(running, how, Written::RolledBack).await?;
                self.write_end(running, how, Written::Whole).await?;
            }
            Crash::Twice => {
                self.write_end(running, how, Written::Whole).await?;
                // The second time it says something else, as a late message may.
                self.write_end(running, Ended::Succeeded, Written::Whole).await?;
            }
        }
        self.running.retain(|other| other.at != running.at);
        Ok(())
    }

    /// Four receipts: half of the time, more than all of it, all of it, and an old one that comes late.
    async fn receipts(&self, running: Running, signed_ms: i64) -> Result<()> {
        let rig = &self.rigs[running.rig];
        for (sequence, running_ms) in [(1, signed_ms / 2), (2, signed_ms + signed_ms / 3), (3, signed_ms), (2, signed_ms / 3)] {
            let receipt = Receipt {
                network: self.app.config.network.name.clone(),
                job: running.job,
                attempt: running.at.attempt,
                device: rig.device(),
                epoch: running.at.epoch,
                sequence,
                running_ms: running_ms.unsigned_abs(),
            };
            let signature = sign(&rig.key, receipt.signing_hash());
            let mut tx = self.app.store.begin().await?;
            lifecycle::take_receipt(&mut tx, &self.rules(), rig.device(), &SignedReceipt { receipt, signature }).await?;
            commit(tx, "take a receipt").await?;
        }
        Ok(())
    }

    async fn write_end(&self, running: Running, how: Ended, written: Written) -> Result<()> {
        let (state, reason, by) = match how {
            Ended::Succeeded => (AttemptState::Succeeded, None, true),
            Ended::Yielded => (AttemptState::Yielded, Some(Reason::OwnerReturned), true),
            Ended::JobFailed => (AttemptState::Failed, Some(Reason::ExitCode), true),
            Ended::RigFailed => (AttemptState::Failed, Some(Reason::EngineFailed), true),
            Ended::Lost => (AttemptState::Lost, Some(Reason::LeaseLapsed), false),
        };
        let by = by.then(|| self.rigs[running.rig].device());
        let mut tx = self.app.store.begin().await?;
        lifecycle::end(&mut tx, &self.rules(), running.at, state, Ending { reason, by, ..Ending::default() }, self.now).await?;
        if how == Ended::Yielded {
            waiting::leave_checkpoint(&mut tx, running).await?;
        }
        match written {
            Written::Whole => Ok(commit(tx, "end an attempt").await?),
            Written::RolledBack => Ok(tx.rollback().await?),
        }
    }

    pub(super) async fn terms(&mut self, rig: usize, owner: usize, chain: usize, how: (bool, bool)) -> Result<()> {
        let (in_hfr, confirmed) = how;
        let (rig, owner) = (&self.rigs[rig], &self.owners[owner]);
        let terms = PayoutTerms {
            network: self.app.config.network.name.clone(),
            device: rig.device(),
            account: owner.address(),
            chain_id: self.nodes[chain].id(),
            in_hfr,
            issued_ms: self.now,
        };
        let signed = SignedPayoutTerms {
            device_signature: sign(&rig.key, terms.device_hash()),
            wallet_signature: confirmed.then(|| sign(owner, terms.wallet_hash())),
            previous_signature: None,
            terms,
        };
        taken(payouts::terms::accept(&self.app, &signed).await)?;
        Ok(())
    }

    pub(super) async fn offer(&mut self, rig: usize, owner: usize, micros: i64, picos: u64) -> Result<()> {
        self.stock(HOME, true, micros, 0);
        self.rounds(1).await?;
        self.terms(rig, owner, HOME, (true, true)).await?;
        self.observe(picos, 0).await?;
        self.look(HOME, How::Whole).await
    }

    /// An owner spends some of what a rig has earned, and says so twice.
    pub(super) async fn spend(&mut self, rig: usize, person: usize, permille: u16) -> Result<()> {
        let (nonce, customer, device) = (self.unused(), self.customer(person), self.rigs[rig].device());
        let mut connection = self.app.store.read().await?;
        let coins = ledger::coins_of(&mut connection, Account::Credit(device)).await?;
        drop(connection);
        let most = coins.iter().map(|(_, amount)| amount.get()).max().unwrap_or_default();
        let amount = Micros::new(part(most, permille));
        let network = self.app.config.network.name.clone();
        let spend = SpendEarnings { network, device, customer, amount, nonce, issued_ms: self.now };
        let signature = sign(&self.rigs[rig].key, spend.device_hash());
        let signed = SignedSpendEarnings { spend, signature };
        for _twice in 0..2 {
            taken(payouts::spend::accept(&self.app, &signed).await)?;
        }
        Ok(())
    }

    /// Somebody claims what an account is owed.
    pub(super) async fn claim(&mut self, chain: usize, owner: usize, hfr: bool, how: Claimed) -> Result<()> {
        let mut owed = Vec::new();
        for owner in &self.owners {
            owed.extend(taken(payouts::entitlements(&self.app, owner.address()).await)?.unwrap_or_default());
        }
        let Some(owed) = pick(&owed, chain + 2 * owner + 4 * usize::from(hfr)).cloned() else { return Ok(()) };
        let node = self.nodes.iter_mut().find(|node| node.id() == owed.chain_id).expect("both are configured");
        let account = owed.account;
        let mut claim = |what| node.act(account, |state, on| state.distributor.claim(on, what));
        match how {
            Claimed::Once => drop(claim(&owed)),
            Claimed::Twice => {
                drop(claim(&owed));
                anyhow::ensure!(claim(&owed).is_err(), "the same claim is paid once");
            }
            Claimed::TooMuch => {
                let mut more = owed.clone();
                more.cumulative += alloy_primitives::U256::from(1);
                anyhow::ensure!(claim(&more).is_err(), "a leaf that says more is none");
            }
            Claimed::Stranger => {
                let mut other = owed.clone();
                other.account = alloy_primitives::Address::repeat_byte(0x99);
                anyhow::ensure!(claim(&other).is_err(), "a leaf is its account's");
            }
        }
        Ok(())
    }
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Whole,
    RolledBack,
}
