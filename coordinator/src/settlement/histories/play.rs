//! Plays acts: each through the function the coordinator itself uses for it.

use anyhow::{Result, bail};
use axum::response::IntoResponse as _;

use super::{acts::Act, scene::World};
use crate::error::ApiResult;

/// What a handler answers, if it did not refuse. What is the coordinator's own fault ends the history.
pub(super) fn taken<T>(answer: ApiResult<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => {
            let said = format!("{error:?}");
            if error.into_response().status().is_server_error() { bail!("{said}") } else { Ok(None) }
        }
    }
}

/// One of a list, whatever the number.
pub(super) fn pick<T>(list: &[T], number: usize) -> Option<&T> {
    list.get(number.checked_rem(list.len())?)
}

/// So much of an amount.
pub(super) fn part(amount: i64, permille: u16) -> i64 {
    let part = i128::from(amount) * i128::from(permille) / 1_000;
    i64::try_from(part).expect("a part is no more than the whole")
}

impl World {
    pub(super) async fn play(&mut self, act: Act) -> Result<()> {
        match act {
            Act::Pass { ms } => self.pass(ms),
            Act::Mine { chain, order } => self.nodes[chain].mine(order),
            Act::Forget { chain } => self.nodes[chain].forget(),
            Act::Look { chain, how } => self.look(chain, how).await?,
            Act::Days { count } => self.days(count).await?,
            Act::Rounds { count } => self.rounds(count).await?,
            Act::Deposit { chain, purse, micros, dust } => self.deposit(chain, purse, micros, dust),
            Act::Withdraw { chain, purse, permille } => self.withdraw(chain, purse, permille),
            Act::Show { purse } => self.show(purse).await?,
            Act::Sign { chain, purse, micros, hours } => self.sign(chain, purse, micros, hours).await?,
            Act::Revoke { order } => self.revoke(order),
            Act::Close { tab } => self.close(tab).await?,
            Act::Grant { person, micros } => self.grant(person, micros).await?,
            Act::Submit { person, per_hour, timeout_s, count, hfr } => {
                self.submit(person, per_hour, timeout_s, count, hfr).await?;
            }
            Act::Tokens { person, micros, picos } => self.tokens(person, micros, picos).await?,
            Act::Cancel { job } => self.cancel(job).await?,
            Act::Begin { job, rig, permille } => self.begin(job, rig, permille).await?,
            Act::End { attempt, ran_s, permille, how, crash } => self.finish(attempt, (ran_s, permille), how, crash).await?,
            Act::Offer { rig, owner, micros, picos } => self.offer(rig, owner, micros, picos).await?,
            Act::Work { person, rig, per_hour, ran_s, permille, how, hfr } => {
                self.work((person, hfr), rig, (per_hour, ran_s), permille, how).await?;
            }
            Act::Terms { rig, owner, chain, in_hfr, confirmed } => self.terms(rig, owner, chain, (in_hfr, confirmed)).await?,
            Act::Spend { rig, person, permille } => self.spend(rig, person, permille).await?,
            Act::Refund { job, permille } => self.refund(job, permille).await?,
            Act::Stock { chain, hfr, micros, dust } => self.stock(chain, hfr, micros, dust),
            Act::Price { picos, apart_bps } => self.observe(picos, apart_bps).await?,
            Act::Claim { chain, owner, hfr, how } => self.claim(chain, owner, hfr, how).await?,
            Act::Quarrel { chain, tab, permille } => self.quarrel(chain, tab, permille).await?,
            Act::Dispute { chain, tab } => self.dispute(chain, tab),
            Act::Resolve { chain, tab, permille } => self.resolve(chain, tab, permille).await?,
            Act::Release { chain, tab } => self.release(chain, tab).await?,
            Act::Anybody { chain, what } => self.anybody(chain, what),
            Act::Veto { chain } => self.veto(chain),
            Act::Undo { chain } => self.undo(chain).await?,
            Act::Again { chain } => self.again(chain).await?,
            Act::Card { chain, person, cents, broken } => self.pay_by_card(chain, person, cents, broken).await?,
            Act::CardBack { charge, permille, way, broken } => self.take_back(charge, permille, way, broken).await?,
            Act::Cards => self.look_after_cards().await?,
            Act::Checked { rig, found } => self.checked(rig, found).await?,
            Act::Waited { broken } => self.waited(broken).await?,
        }
        Ok(())
    }
}
