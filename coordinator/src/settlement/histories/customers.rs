//! What customers and the operator do.

use alloy_primitives::U256;
use anyhow::Result;
use axum::{extract::State, http::HeaderMap};
use headframe_protocol::{
    JobId, Micros,
    api::{PayIn, Pot},
    chain::AssetKind,
    job::Reason,
    spending::{SignedOrder, WalletProof},
};
use serde_json::json;

use super::{
    acts::Purse,
    play::{part, pick, taken},
    scene::{HOME, World, job, sign},
};
use crate::{
    admin::{By, acts as operator},
    api::{jobs, spending},
    extract::{Json, JsonBody, Path, Query},
    store::{commit, grants, ledger::Coin, lifecycle, purses, tabs},
};

impl World {
    /// The coin of a purse on a chain, and its token. There is no HFR on the island: then it is the dollar.
    fn coin(&self, chain: usize, hfr: bool) -> (Coin, alloy_primitives::Address) {
        let id = self.nodes[chain].id();
        let wanted = Coin { chain: id, kind: if hfr { AssetKind::Hfr } else { AssetKind::Stable } };
        let coin = if self.token(wanted).is_some() { wanted } else { Coin::stable(id) };
        (coin, self.token(coin).expect("every chain has a dollar"))
    }

    pub(super) fn token_of(&self, chain: usize, hfr: bool) -> alloy_primitives::Address {
        self.coin(chain, hfr).1
    }

    pub(super) fn deposit(&mut self, chain: usize, purse: Purse, micros: i64, dust: u16) {
        let token = self.token_of(chain, purse.hfr);
        let wallet = self.people[purse.person].wallets[purse.wallet].address();
        let node = &mut self.nodes[chain];
        let unit = node.unit(token);
        let units = u128::from(micros.unsigned_abs()) * unit + u128::from(dust) % unit;
        // What the contract refuses has not happened.
        drop(node.act(wallet, |state, on| state.market.deposit(on, token, units)));
    }

    /// A customer takes money away: of the wallets that have some, whichever.
    pub(super) fn withdraw(&mut self, chain: usize, purse: Purse, permille: u16) {
        let node = &mut self.nodes[chain];
        let some: Vec<_> = node.state.market.free.iter().filter(|(_, units)| **units > 0).collect();
        let Some(((wallet, token), free)) = pick(&some, purse.person + purse.wallet + usize::from(purse.hfr)).copied() else {
            return;
        };
        let (wallet, token, units) = (*wallet, *token, *free * u128::from(permille) / 1_000);
        drop(node.act(wallet, |state, on| state.market.withdraw(on, token, units)));
    }

    pub(super) async fn show(&mut self, purse: Purse) -> Result<()> {
        let person = &self.people[purse.person];
        let (key, issued_ms) = (&person.wallets[purse.wallet], self.now);
        let hash = WalletProof::hash(&self.app.config.network.name, person.account.id, key.address(), issued_ms);
        let proof = WalletProof { wallet: key.address(), issued_ms, signature: sign(key, hash) };
        taken(spending::add_wallet(State(self.app.clone()), person.account.clone(), Json(proof)).await)?;
        Ok(())
    }

    pub(super) async fn sign(&mut self, chain: usize, purse: Purse, micros: i64, hours: u16) -> Result<()> {
        let (order_id, token) = (self.unused(), self.token_of(chain, purse.hfr));
        let person = &self.people[purse.person];
        let (key, node) = (&person.wallets[purse.wallet], &self.nodes[chain]);
        let max_spend = U256::from(u128::from(micros.unsigned_abs()) * node.unit(token));
        let unsigned = SignedOrder {
            chain_id: node.id(),
            order_id,
            customer: key.address(),
            asset: token,
            max_spend,
            max_fee_bps: 1_500,
            expiry: node.now + u64::from(hours) * 3_600,
            signature: sign(key, order_id),
        };
        let hash = unsigned.hash(node.profile.contracts.market).expect("a sum the contract holds");
        let order = SignedOrder { signature: sign(key, hash), ..unsigned };
        let answer = spending::add_order(State(self.app.clone()), person.account.clone(), Json(order.clone())).await;
        if taken(answer)?.is_some() {
            self.orders.push((chain, order));
        }
        Ok(())
    }

    pub(super) fn revoke(&mut self, order: usize) {
        let Some((chain, order)) = pick(&self.orders, order).cloned() else { return };
        let revoked = self.nodes[chain].act(order.customer, |state, on| {
            state.market.revoke(on, order.order_id);
            Ok(())
        });
        revoked.expect("nothing keeps a customer from it");
    }

    /// A customer wants a tab closed: one of those that are not.
    pub(super) async fn close(&mut self, tab: usize) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let mut live = Vec::new();
        for node in &self.nodes {
            live.extend(tabs::live(&mut connection, node.id()).await?);
        }
        drop(connection);
        let Some(tab) = pick(&live, tab) else { return Ok(()) };
        let account = self.people.iter().find(|person| person.account.id == tab.customer).expect("a customer").account.clone();
        taken(spending::close_tab(State(self.app.clone()), account, Path(tab.id.clone())).await)?;
        Ok(())
    }

    pub(super) async fn grant(&mut self, person: usize, micros: i64) -> Result<()> {
        let (key, customer) = (self.unused().to_string(), self.customer(person));
        for _twice in 0..2 {
            operator::grant(&self.app.store, &by(), customer, Micros::new(micros), &key).await?;
        }
        Ok(())
    }

    pub(super) async fn tokens(&mut self, person: usize, micros: i64, picos: u64) -> Result<()> {
        let purse = Purse { person, wallet: 0, hfr: true };
        self.show(purse).await?;
        self.deposit(HOME, purse, micros, 0);
        self.sign(HOME, purse, micros, 300).await?;
        self.stock(HOME, false, micros, 0);
        self.rounds(3).await?;
        self.observe(picos, 0).await
    }

    /// One of the people who have something to spend, or anybody if nobody has.
    async fn payer(&self, number: usize, hfr: bool) -> Result<usize> {
        let kind = if hfr { AssetKind::Hfr } else { AssetKind::Stable };
        let mut connection = self.app.store.read().await?;
        let mut payers = Vec::new();
        for (at, person) in self.people.iter().enumerate() {
            let pots = purses::filled(&mut connection, person.account.id).await?;
            if pots.iter().any(|pot| pot.pot != Pot::Free && pot.kind == kind) {
                payers.push(at);
            }
        }
        Ok(pick(&payers, number).copied().unwrap_or(number % self.people.len()))
    }

    pub(super) async fn submit(&mut self, person: usize, per_hour: i64, timeout_s: u32, count: u32, hfr: bool) -> Result<()> {
        let person = self.payer(person, hfr).await?;
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", self.unused().to_string().parse()?);
        let mut spec = job(Micros::new(per_hour), timeout_s);
        spec["array"] = json!({ "from": 1, "to": count });
        let body = serde_json::to_vec(&json!({ "jobs": [spec] }))?;
        let mut answers = Vec::new();
        for _twice in 0..2 {
            let account = self.people[person].account.clone();
            let pay = Query(jobs::SubmitQuery { pay_in: if hfr { PayIn::Hfr } else { PayIn::Usd }, picos_per_hfr: None });
            let request =
                jobs::submit_batch(State(self.app.clone()), account, pay, headers.clone(), JsonBody(body.clone().into()));
            answers.push(taken(request.await)?.map(|(_, Json(accepted))| accepted.jobs));
        }
        anyhow::ensure!(answers[0] == answers[1], "the same request twice is one: {answers:?}");
        self.jobs.extend(answers.swap_remove(0).into_iter().flatten());
        Ok(())
    }

    pub(super) async fn cancel(&mut self, job: usize) -> Result<()> {
        let Some(job) = pick(&self.jobs, job).copied() else { return Ok(()) };
        self.ask_to_end(job).await
    }

    pub(super) async fn ask_to_end(&self, job: JobId) -> Result<()> {
        let mut tx = self.app.store.begin().await?;
        lifecycle::request_end(&mut tx, &self.rules(), job, Reason::CancelledByCustomer, self.now).await?;
        Ok(commit(tx, "end a job").await?)
    }

    /// The operator gives back some of what a job was charged, as far as he may.
    pub(super) async fn refund(&mut self, job: usize, permille: u16) -> Result<()> {
        let Some(job) = pick(&self.jobs, job).copied() else { return Ok(()) };
        let mut tx = self.app.store.begin().await?;
        let charged = grants::refundable(&mut tx, job).await?.expect("a job");
        tx.rollback().await?;
        let (amount, key) = (part(charged.charged.get() - charged.back.get(), permille), self.unused().to_string());
        if amount == 0 {
            return Ok(());
        }
        for _twice in 0..2 {
            match operator::refund(&self.app.store, &by(), job, Micros::new(amount), &key).await {
                Ok(_) | Err(operator::ActError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Who acts for the operator.
fn by() -> By {
    By::new("test", "a history needs it").expect("a reason")
}
