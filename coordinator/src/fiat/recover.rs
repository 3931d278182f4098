//! What follows when a card's payment is taken back: who has the money, and who bears what nobody has any more.
//!
//! In this order: what the customer has not spent; what his jobs' rigs have earned and must still wait for, the newest first; and when
//! nothing of his can come any more, the rest is the platform's loss. What jobs still hold is waited for: it will be either of the two.
//! [`plan`] decides, [`recover`] does it, and a reconciler does it again until nothing is owed.

use headframe_protocol::{Micros, TimestampMs};

use super::{KeptPayment, PaymentState};
use crate::{
    App,
    store::{
        StoreError, Tx, commit, fiat,
        ledger::{self, Account, Coin, Kind, Posted, Transfer},
        maturing::{self, Maturing},
        until_uncrossed,
    },
};

/// Micro-dollars taken back, by where they were.
const REVERSED: &str = "headframe_fiat_reversed_micros_total";

/// Where what is owed comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    /// Of credit nobody has spent.
    unspent: Micros,
    /// Of earnings that wait: which, and how much of what was charged for them is covered afterwards.
    earnings: Vec<(Maturing, Micros)>,
    /// Lost.
    borne: Micros,
    /// To be looked for again later.
    waits: Micros,
}

/// `held` is what the customer's jobs have set aside of card money.
fn plan(owed: Micros, unspent: Micros, waiting: &[Maturing], held: Micros) -> Plan {
    let less = |whole: Micros, part: Micros| Micros::new(whole.get() - part.get());
    let unspent = unspent.min(owed).max(Micros::ZERO);
    let mut rest = less(owed, unspent);
    let mut earnings = Vec::new();
    for earned in waiting {
        let covers = less(earned.charged, earned.covered).min(rest);
        if covers > Micros::ZERO {
            rest = less(rest, covers);
            earnings.push((earned.clone(), Micros::new(earned.covered.get() + covers.get())));
        }
    }
    let (borne, waits) = if held > Micros::ZERO { (Micros::ZERO, rest) } else { (rest, Micros::ZERO) };
    Plan { unspent, earnings, borne, waits }
}

/// Brings one payment to where it should be. True if anything changed.
pub(crate) async fn recover(app: &App, reference: &str) -> Result<bool, StoreError> {
    until_uncrossed(|| recover_once(app, reference)).await
}

async fn recover_once(app: &App, reference: &str) -> Result<bool, StoreError> {
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    let Some(was) = fiat::to_change(&mut tx, reference).await? else { return Ok(false) };
    let mut payment = KeptPayment { reversed: fiat::reversed(&mut tx, &was).await?, ..was.clone() };
    let said = match payment.state {
        PaymentState::Paid if payment.reversed == payment.amount => {
            (payment.state, payment.recovered) = (PaymentState::Void, payment.reversed);
            None
        }
        // What the chain is asked for is on its way; it is taken back when it has arrived.
        PaymentState::Paid | PaymentState::Crediting => None,
        PaymentState::Refused | PaymentState::Void => {
            payment.recovered = payment.reversed;
            None
        }
        PaymentState::Credited => match take_back(&mut tx, &mut payment, now).await? {
            Some(plan) => Some(plan),
            // Somebody spent it, or took it back, just now; the next run sees what he left.
            None => return Ok(false),
        },
    };
    if payment == was {
        return Ok(false);
    }
    fiat::update(&mut tx, &payment, now).await?;
    crate::fail::point("fiat.recovered");
    commit(tx, "take a payment back").await?;
    if let Some(plan) = said {
        say(&payment, &plan);
    }
    Ok(true)
}

/// Nothing if what was read has changed meanwhile: then the transaction is to be given up.
async fn take_back(tx: &mut Tx, payment: &mut KeptPayment, now: TimestampMs) -> Result<Option<Plan>, StoreError> {
    let (customer, coin) = (payment.customer, Coin::stable(payment.chain));
    // As the money flows, and nobody else moves what is unspent meanwhile: else what a job gave back between two looks would be in none
    // of these places, and the platform would bear it.
    let unspent = ledger::balance_to_use(tx, Account::Fiat(customer), coin).await?;
    let held = fiat::held_by_card(tx, customer, payment.chain).await?;
    let waiting = maturing::of_customer(tx, customer, coin).await?;
    let plan = plan(payment.owed(), unspent, &waiting, held);
    let mut transfers = Vec::new();
    let mut recovered = payment.recovered.get();
    let key = |recovered: i64| format!("{}:reversed:{recovered}", payment.reference);
    if plan.unspent > Micros::ZERO {
        recovered += plan.unspent.get();
        let amount = (coin, plan.unspent);
        transfers.push(Transfer::between(Kind::Fiat, &key(recovered), Account::Fiat(customer), Account::Outside, amount));
    }
    for (earned, covered) in &plan.earnings {
        if !maturing::take_back(tx, earned, *covered).await? {
            return Ok(None);
        }
        recovered += covered.get() - earned.covered.get();
        let amount = Micros::new(earned.part_of(*covered).get() - earned.reversed.get());
        // The money itself is in the Market or the Distributor already: it is the operator's now.
        let transfer =
            Transfer::between(Kind::Fiat, &key(recovered), Account::Maturing(earned.device), Account::Inventory, (coin, amount));
        transfers.push(Transfer { attempt: Some(earned.attempt), ..transfer }.for_job(earned.job));
    }
    if plan.borne > Micros::ZERO {
        // Nothing moves: who earned it keeps it, and the operator's dollars are with him. The books remember why.
        let memo = format!("The platform bears {} of charge {}.", plan.borne, payment.reference);
        let id = format!("{}:{}:borne:{}", Kind::Fiat.as_str(), payment.reference, payment.borne.get() + plan.borne.get());
        transfers.push(Transfer { id, kind: Kind::Fiat, job: None, attempt: None, memo: Some(memo), legs: Vec::new() });
    }
    if ledger::post(tx, &transfers, now).await? != Posted::Yes {
        return Ok(None);
    }
    payment.recovered = Micros::new(recovered);
    payment.withdrawing = Micros::new(payment.withdrawing.get() + plan.unspent.get());
    payment.borne = Micros::new(payment.borne.get() + plan.borne.get());
    Ok(Some(plan))
}

fn say(payment: &KeptPayment, plan: &Plan) {
    let earned: i64 = plan.earnings.iter().map(|(earned, covered)| covered.get() - earned.covered.get()).sum();
    for (from, amount) in [("unspent", plan.unspent.get()), ("earnings", earned), ("platform", plan.borne.get())] {
        metrics::counter!(REVERSED, "from" => from).increment(amount.unsigned_abs());
    }
    tracing::warn!(
        fiat.reference = payment.reference, customer.id = %payment.customer, fiat.unspent = %plan.unspent,
        fiat.earnings = %Micros::new(earned), fiat.waits = %plan.waits, "A payment by card is taken back",
    );
    if plan.borne > Micros::ZERO {
        tracing::error!(
            fiat.reference = payment.reference, customer.id = %payment.customer, fiat.borne = %plan.borne,
            "The platform bears what was taken back of a payment by card and is spent",
        );
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{AttemptId, CustomerId, DeviceId, JobId};
    use proptest::prelude::*;

    use super::*;

    fn earned(charged: i64, covered: i64) -> Maturing {
        let all = Maturing {
            attempt: AttemptId::generate(),
            job: JobId::generate(),
            customer: CustomerId::generate(),
            device: DeviceId(alloy_primitives::Address::ZERO),
            coin: Coin::stable(1),
            charged: Micros::new(charged),
            amount: Micros::new(charged - charged / 10),
            covered: Micros::ZERO,
            reversed: Micros::ZERO,
            earned: TimestampMs::default(),
        };
        let covered = Micros::new(covered);
        Maturing { covered, reversed: all.part_of(covered), ..all }
    }

    fn check(owed: i64, unspent: i64, waiting: &[Maturing], held: i64) -> (i64, Vec<i64>, i64, i64) {
        let plan = plan(Micros::new(owed), Micros::new(unspent), waiting, Micros::new(held));
        let earnings = plan.earnings.iter().map(|(_, covered)| covered.get()).collect();
        (plan.unspent.get(), earnings, plan.borne.get(), plan.waits.get())
    }

    #[test]
    fn unspent_credit_comes_first_then_the_newest_earnings_then_the_platform() {
        assert_eq!(check(50, 80, &[], 0), (50, vec![], 0, 0));
        assert_eq!(check(50, 20, &[earned(20, 0), earned(100, 0)], 0), (20, vec![20, 10], 0, 0));
        assert_eq!(check(50, 20, &[earned(10, 4)], 0), (20, vec![10], 24, 0));
        assert_eq!(check(50, 0, &[], 1), (0, vec![], 0, 50), "what jobs hold is waited for");
        assert_eq!(check(0, 0, &[earned(10, 0)], 0), (0, vec![], 0, 0));
    }

    proptest! {
        #[test]
        fn in_many_steps_no_more_is_taken_than_in_one(charged in 1_i64..1_000_000, steps in prop::collection::vec(0_i64..1_000_000, 1..6)) {
            let mut waiting = earned(charged, 0);
            for step in steps {
                let plan = plan(Micros::new(step), Micros::ZERO, std::slice::from_ref(&waiting), Micros::ZERO);
                let covered: i64 = plan.earnings.iter().map(|(was, covered)| covered.get() - was.covered.get()).sum();
                prop_assert_eq!(covered + plan.borne.get(), step, "every micro is somewhere");
                if let Some((_, covered)) = plan.earnings.first() {
                    let reversed = waiting.part_of(*covered);
                    prop_assert!(reversed >= waiting.reversed && reversed <= waiting.amount);
                    waiting = Maturing { covered: *covered, reversed, ..waiting };
                }
            }
        }
    }
}
