//! What settlement does, with the model in place of a chain's node; and what others do on a chain.

use std::panic::AssertUnwindSafe;

use alloy_primitives::{B256, Bytes, keccak256};
use anyhow::{Result, ensure};
use futures_util::FutureExt as _;
use headframe_accounts::price::Observation;
use headframe_protocol::chain::AssetKind;

use super::{
    acts::{Anybody, Crash, Ended, How},
    checks,
    market::At,
    node::Order,
    play::{part, pick},
    scene::{World, operator},
};
use crate::{
    admin::acts::{self, ActError, By},
    chain::Chain,
    fail,
    payouts::build::build,
    settlement::{events, plan},
    store::{
        chain_events, commit, jobs,
        payouts::{self, PayoutState},
        prices,
        steps::{self, Outcome, Signed, Step, StepState},
    },
};

/// Who decides disputes.
fn arbiter() -> alloy_primitives::Address {
    alloy_primitives::Address::repeat_byte(0xab)
}

/// Who looks at roots.
fn watcher() -> alloy_primitives::Address {
    alloy_primitives::Address::repeat_byte(0xac)
}

/// What a run over open steps is stopped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    No,
    BeforeSending,
    WithoutGas,
}

impl World {
    fn chain(&self, at: usize) -> Chain {
        self.app.chains.get(self.nodes[at].id()).expect("both are configured").clone()
    }

    pub(super) async fn look(&mut self, at: usize, how: How) -> Result<()> {
        match how {
            How::Whole => self.look_once(at, Stopped::No).await,
            How::Unsent => self.look_once(at, Stopped::BeforeSending).await,
            How::NoGas => self.look_once(at, Stopped::WithoutGas).await,
            How::Twins => self.look_as_twins(at).await,
            How::Broken(point) => {
                fail::break_at(Some(point));
                let broken = AssertUnwindSafe(self.look_once(at, Stopped::No)).catch_unwind().await;
                fail::break_at(None);
                match broken {
                    Ok(done) => done,
                    Err(payload) if payload.is::<fail::Broken>() => self.look_once(at, Stopped::No).await,
                    Err(payload) => std::panic::resume_unwind(payload),
                }
            }
        }
    }

    async fn look_once(&mut self, at: usize, stopped: Stopped) -> Result<()> {
        self.read(at).await?;
        let chain = self.chain(at);
        plan::plan(&self.app, &chain).await?;
        self.drive(at, stopped).await
    }

    /// Two replicas look at the same time.
    async fn look_as_twins(&mut self, at: usize) -> Result<()> {
        let chain = self.chain(at);
        let (to, logs) = self.unread(at).await?;
        let read = |logs| events::take_all(&self.app, &chain, logs, to);
        let (one, other) = tokio::join!(read(logs.clone()), read(logs));
        let (one, other) = (one?, other?);
        ensure!(one == 0 || other == 0, "an event is booked once: {one} and {other}");
        let (one, other) = tokio::join!(plan::plan(&self.app, &chain), plan::plan(&self.app, &chain));
        one?;
        other?;
        self.drive(at, Stopped::No).await
    }

    /// What a node says that was not read yet, and up to which block.
    async fn unread(&self, at: usize) -> Result<(u64, Vec<alloy::rpc::types::Log>)> {
        let node = &self.nodes[at];
        let mut connection = self.app.store.read().await?;
        let from = chain_events::cursor(&mut connection, node.id()).await?.unwrap_or(0) + 1;
        Ok((node.final_block().max(from - 1), node.logs(from, node.final_block())))
    }

    async fn read(&mut self, at: usize) -> Result<()> {
        let (to, logs) = self.unread(at).await?;
        events::take_all(&self.app, &self.chain(at), logs, to).await?;
        Ok(())
    }

    /// Reads everything that has happened on both chains.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        for at in 0..self.nodes.len() {
            self.mine_to_the_end(at, Order::Sent);
            self.read(at).await?;
        }
        Ok(())
    }

    /// Until what was sent is in a block that nothing takes back.
    fn mine_to_the_end(&mut self, at: usize, order: Order) {
        for _block in 0..=self.nodes[at].profile.finality_blocks {
            self.nodes[at].mine(order);
        }
    }

    pub(super) async fn rounds(&mut self, count: u8) -> Result<()> {
        for _round in 0..count {
            for at in 0..self.nodes.len() {
                self.pass(200_000);
                self.mine_to_the_end(at, Order::Sent);
                self.look_once(at, Stopped::No).await?;
            }
        }
        Ok(())
    }

    /// Three looks a day, and what reconcilers do meanwhile: rigs that are silent have lost their attempts, and jobs nobody takes fail.
    pub(super) async fn days(&mut self, count: u8) -> Result<()> {
        while !self.running.is_empty() {
            self.finish(0, (0, 0), Ended::Lost, Crash::No).await?;
        }
        for _third in 0..u32::from(count) * 3 {
            self.pass(8 * 3_600_000);
            self.give_up_waiting().await?;
            self.look_after_cards().await?;
            self.waited(false).await?;
            self.rounds(1).await?;
        }
        Ok(())
    }

    /// [`crate::settlement::drive`], with the model's answers.
    async fn drive(&mut self, at: usize, stopped: Stopped) -> Result<()> {
        let open = {
            let mut connection = self.app.store.read().await?;
            steps::open(&mut connection, self.nodes[at].id(), 64).await?
        };
        for step in open {
            match step.state {
                StepState::Recorded => self.begin_step(at, &step, stopped).await?,
                StepState::Signed if stopped == Stopped::BeforeSending => {}
                StepState::Signed => self.send_step(at, &step).await?,
                StepState::Sent => self.look_after(at, &step).await?,
                StepState::Final | StepState::Refused => {}
            }
        }
        Ok(())
    }

    async fn begin_step(&mut self, at: usize, step: &Step, stopped: Stopped) -> Result<()> {
        let estimate = match stopped {
            Stopped::WithoutGas => Err("insufficient funds for gas".to_owned()),
            Stopped::No | Stopped::BeforeSending => {
                self.nodes[at].estimate(step.role, step.to, &step.data).map_err(|refused| refused.0)
            }
        };
        if let Err(reason) = estimate {
            return self.note(step, Outcome::Refused { reason, block: None }).await;
        }
        let mut tx = self.app.store.begin().await?;
        let nonce = steps::next_nonce(&mut tx, step.chain, step.role).await?.unwrap_or_default();
        let hash = keccak256(step.id.as_bytes());
        let signed = Signed { hash, raw: Bytes::copy_from_slice(hash.as_slice()), max_fee_per_gas: 1, created: self.now };
        ensure!(steps::sign(&mut tx, step, nonce, &signed, self.now).await?, "nobody else signs");
        commit(tx, "sign a step").await?;
        if stopped == Stopped::No { self.send_step(at, step).await } else { Ok(()) }
    }

    async fn send_step(&mut self, at: usize, step: &Step) -> Result<()> {
        self.nodes[at].send(&step.id, step.role, step.to, &step.data);
        self.note(step, Outcome::Sent).await
    }

    async fn look_after(&mut self, at: usize, step: &Step) -> Result<()> {
        if let Some(receipt) = self.nodes[at].receipt(&step.id) {
            let (hash, block) = (receipt.hash, receipt.block);
            let refused = || Outcome::Refused { reason: "the chain reverted it".to_owned(), block: Some(block) };
            let outcome = if receipt.succeeded { Outcome::Final { hash, block } } else { refused() };
            return self.note(step, outcome).await;
        }
        if !self.nodes[at].is_waiting(&step.id) && self.now.since(step.changed) >= self.app.config.timers.chain_resend {
            self.send_step(at, step).await?;
        }
        Ok(())
    }

    async fn note(&self, step: &Step, outcome: Outcome) -> Result<()> {
        let mut tx = self.app.store.begin().await?;
        steps::note(&mut tx, &step.id, &outcome, self.now).await?;
        Ok(commit(tx, "note what became of a step").await?)
    }

    /// What is done again changes nothing: events that were booked, a payout that was built, plans that were made.
    pub(super) async fn again(&mut self, at: usize) -> Result<()> {
        self.read(at).await?;
        let chain = self.chain(at);
        let before = checks::fingerprint(&self.app).await?;
        let node = &self.nodes[at];
        let booked = events::take_all(&self.app, &chain, node.logs(1, node.final_block()), node.final_block()).await?;
        ensure!(booked == 0, "{booked} events are booked twice");
        ensure!(checks::fingerprint(&self.app).await? == before, "booking the same events again changes the books");
        build(&self.app, &chain).await?;
        let built = checks::fingerprint(&self.app).await?;
        ensure!(!build(&self.app, &chain).await?, "a payout is built once");
        ensure!(checks::fingerprint(&self.app).await? == built, "building again changes the books");
        // Closing tabs takes several looks; then there is nothing more to do.
        for _look in 0..4 {
            plan::plan(&self.app, &chain).await?;
        }
        let planned = checks::fingerprint(&self.app).await?;
        ensure!(plan::plan(&self.app, &chain).await? == 0, "a plan that was made is made again");
        ensure!(checks::fingerprint(&self.app).await? == planned, "planning again changes the books");
        Ok(())
    }

    /// The operator sends coins of his own to the Distributor.
    pub(super) fn stock(&mut self, chain: usize, hfr: bool, micros: i64, dust: u16) {
        let token = self.token_of(chain, hfr);
        let node = &mut self.nodes[chain];
        let unit = node.unit(token);
        let dust = u128::from(dust) % unit;
        *node.dust.entry(token).or_default() += dust;
        let units = u128::from(micros.unsigned_abs()) * unit + dust;
        let to = node.profile.contracts.distributor;
        node.act(operator(), |_, on| on.transfer(token, operator(), to, units)).expect("the operator has enough");
    }

    /// The operator puts in what is missing for the payout that waits.
    pub(super) fn cover(&mut self, chain: usize) {
        let node = &self.nodes[chain];
        let distributor = node.profile.contracts.distributor;
        let missing = |token| {
            let owed = node.state.distributor.owed_when_active(token);
            owed.saturating_sub(node.balance(token, distributor)).div_ceil(node.unit(token))
        };
        let tokens: Vec<_> =
            node.profile.assets.iter().map(|asset| (asset.address, asset.kind, missing(asset.address))).collect();
        for (_, kind, micros) in tokens.into_iter().filter(|(_, _, micros)| *micros > 0) {
            let micros = i64::try_from(micros).expect("a sum the ledger holds");
            self.stock(chain, kind == AssetKind::Hfr, micros, 0);
        }
    }

    pub(super) async fn observe(&mut self, picos: u64, apart_bps: u64) -> Result<()> {
        let mut tx = self.app.store.begin().await?;
        let other = picos + picos / 10_000 * apart_bps;
        for (source, picos) in [(prices::Source::Twap, picos), (prices::Source::Oracle, other)] {
            prices::observe(&mut tx, source, Observation { picos, at_ms: self.now }).await?;
        }
        Ok(commit(tx, "write prices down").await?)
    }

    /// Sessions of a chain in a state, in the order of their names.
    fn sessions(&self, chain: usize, at: At) -> Vec<B256> {
        let sessions = &self.nodes[chain].state.market.sessions;
        sessions.iter().filter(|(_, session)| session.at == at).map(|(id, _)| *id).collect()
    }

    pub(super) async fn quarrel(&mut self, chain: usize, tab: usize, permille: u16) -> Result<()> {
        for _round in 0..6 {
            if !self.sessions(chain, At::Proposed).is_empty() {
                break;
            }
            self.pass(1_200_000);
            self.rounds(1).await?;
        }
        self.dispute(chain, tab);
        self.rounds(2).await?;
        self.resolve(chain, tab, permille).await
    }

    pub(super) fn dispute(&mut self, chain: usize, tab: usize) {
        let Some(session) = pick(&self.sessions(chain, At::Proposed), tab).copied() else { return };
        let node = &mut self.nodes[chain];
        let customer = node.state.market.sessions[&session].customer;
        drop(node.act(customer, |state, on| state.market.dispute(on, session)));
    }

    /// The arbiter decides, and it is known at once: what was proposed before it is known would ask for the same money again.
    pub(super) async fn resolve(&mut self, chain: usize, tab: usize, permille: u16) -> Result<()> {
        let Some(session) = pick(&self.sessions(chain, At::Disputed), tab).copied() else { return Ok(()) };
        let node = &mut self.nodes[chain];
        let book = node.state.market.sessions[&session].clone();
        let disputed = i64::try_from(book.proposed - book.settled).expect("a sum the ledger holds");
        let decided = book.settled + u128::from(part(disputed, permille).unsigned_abs());
        let used = decided * node.unit(book.asset);
        drop(node.act(arbiter(), |state, on| state.market.resolve(on, session, used)));
        self.mine_to_the_end(chain, Order::Sent);
        self.read(chain).await
    }

    /// Anybody closes a session, if its day is over.
    pub(super) async fn release(&mut self, chain: usize, tab: usize) -> Result<()> {
        let open = [self.sessions(chain, At::Open), self.sessions(chain, At::Disputed)].concat();
        match pick(&open, tab).copied() {
            Some(session) => self.release_one(chain, session).await,
            None => Ok(()),
        }
    }

    /// Somebody closes every session whose day is over.
    pub(super) async fn release_late(&mut self, chain: usize) -> Result<()> {
        let node = &self.nodes[chain];
        let late = node.state.market.sessions.iter().filter(|(_, session)| session.settle_by < node.now);
        for session in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.release_one(chain, session).await?;
        }
        Ok(())
    }

    /// A job that still holds money of a tab after the tab's day is not provided for in the books: jobs may be set to run longer than
    /// the tab they are charged to lives. Until they cannot, nobody closes such a tab here.
    async fn release_one(&mut self, chain: usize, session: B256) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let holding = jobs::holding(&mut connection, &session.to_string()).await?;
        drop(connection);
        if holding == 0 {
            drop(self.nodes[chain].act(operator(), |state, on| state.market.release(on, session)));
        }
        Ok(())
    }

    pub(super) fn veto(&mut self, chain: usize) {
        drop(self.nodes[chain].act(watcher(), |state, on| state.distributor.veto(on)));
    }

    /// Only what was vetoed is undone; where what it exchanged is used already, the operator puts as much in first.
    pub(super) async fn undo(&mut self, at: usize) -> Result<()> {
        let chain = self.nodes[at].id();
        let newest = payouts::newest(&mut *self.app.store.read().await?, chain).await?;
        let by = By::new("operator", "practice")?;
        match acts::undo_payout(&self.app.store, &by, chain).await {
            Ok(_) => Ok(()),
            Err(ActError::Missing(_)) if newest.is_none() => Ok(()),
            Err(ActError::Refused(_)) if newest.is_some_and(|newest| newest.state == PayoutState::Vetoed) => {
                self.stock(at, false, 1_000_000_000_000, 0);
                Ok(())
            }
            Err(ActError::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn anybody(&mut self, chain: usize, what: Anybody) {
        let proposed = self.sessions(chain, At::Proposed);
        let tokens: Vec<_> = self.nodes[chain].profile.assets.iter().map(|asset| asset.address).collect();
        let node = &mut self.nodes[chain];
        match what {
            Anybody::Finalize => drop(node.act(operator(), |state, on| state.market.finalize(on, &proposed))),
            Anybody::Sweep => {
                for token in tokens {
                    drop(node.act(operator(), |state, on| state.market.sweep(on, token)));
                }
            }
            Anybody::Activate => drop(node.act(operator(), |state, on| state.distributor.activate(on))),
        }
    }
}
