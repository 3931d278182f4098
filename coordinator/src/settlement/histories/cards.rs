//! What a processor of card payments tells, and what follows from it.

use std::panic::AssertUnwindSafe;

use anyhow::Result;
use futures_util::FutureExt as _;
use headframe_protocol::Micros;

use super::{play::part, scene::World};
use crate::{
    fail,
    fiat::{Payment, Reversal, Told, Way, accept},
    reconcile::cards,
};

/// A payment the processor knows of.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    reference: String,
    chain: u64,
    amount: i64,
    /// Given back and disputed, since ever.
    back: [i64; 2],
}

impl World {
    pub(super) async fn pay_by_card(
        &mut self,
        chain: usize,
        person: usize,
        cents: i64,
        broken: Option<&'static str>,
    ) -> Result<()> {
        let (reference, amount) = (format!("ch_{}", self.unused()), cents * 10_000);
        let charge = Charge { reference: reference.clone(), chain: self.nodes[chain].id(), amount, back: [0; 2] };
        let payment = Payment { reference, customer: self.customer(person), amount: Micros::new(amount), authenticated: true };
        self.tell(charge.chain, &Told::Paid(payment), broken).await?;
        self.charges.push(charge);
        Ok(())
    }

    /// So much of a charge in all is given back, or disputed.
    pub(super) async fn take_back(&mut self, charge: usize, permille: u16, way: Way, broken: Option<&'static str>) -> Result<()> {
        let Some(number) = charge.checked_rem(self.charges.len()) else { return Ok(()) };
        let charge = &mut self.charges[number];
        let at = match way {
            Way::Refunded => 0,
            Way::Disputed => 1,
        };
        let other = charge.back[1 - at];
        charge.back[at] = charge.back[at].max(part(charge.amount - other, permille));
        let (chain, reference, amount) = (charge.chain, charge.reference.clone(), Micros::new(charge.back[at]));
        self.tell(chain, &Told::Reversed(Reversal { reference, way, amount }), broken).await
    }

    /// A processor tells everything at least once, and again if we break off.
    async fn tell(&self, chain: u64, told: &Told, broken: Option<&'static str>) -> Result<()> {
        if broken.is_some() {
            fail::break_at(broken);
            let done = AssertUnwindSafe(accept::accept(&self.app, chain, told.clone())).catch_unwind().await;
            fail::break_at(None);
            match done {
                Ok(done) => done?,
                Err(payload) if payload.is::<fail::Broken>() => {}
                Err(payload) => std::panic::resume_unwind(payload),
            }
        }
        for _twice in 0..2 {
            accept::accept(&self.app, chain, told.clone()).await?;
        }
        Ok(())
    }

    /// The reconcilers of card money run.
    pub(super) async fn look_after_cards(&self) -> Result<()> {
        cards::recover(self.app.clone()).await?;
        cards::mature(self.app.clone()).await?;
        cards::claim(self.app.clone()).await?;
        Ok(())
    }
}
