//! Takes in what a processor tells: writes it down, once for each reference, and lets what follows from it follow.

use std::time::Duration;

use headframe_protocol::{Micros, TimestampMs};

use super::{KeptPayment, NEW_CUSTOMER_MAX, PAYMENT_MAX, Payment, PaymentState, Reversal, Told, recover};
use crate::{
    App,
    store::{StoreError, commit, customers, fiat, until_uncrossed},
};

/// Payments by what became of them.
const PAYMENTS: &str = "headframe_fiat_payments_total";

/// Takes a message in. Taken in twice it changes nothing. `chain` is where payments are credited.
pub(crate) async fn accept(app: &App, chain: u64, told: Told) -> Result<(), StoreError> {
    match told {
        Told::Paid(payment) => {
            until_uncrossed(|| take_in(app, chain, &payment)).await?;
            // It may have been taken back before we heard of it.
            recover::recover(app, &payment.reference).await.map(drop)
        }
        Told::Reversed(reversal) => {
            until_uncrossed(|| note(app, &reversal)).await?;
            recover::recover(app, &reversal.reference).await.map(drop)
        }
        Told::Nothing => Ok(()),
    }
}

/// What is made of a new payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// Why not.
    Refused(&'static str),
}

/// `before` is when the customer first paid by card and what he has paid since in all.
fn judge(payment: &Payment, before: Option<(TimestampMs, Micros)>, new_for: Duration, now: TimestampMs) -> Verdict {
    if payment.amount > PAYMENT_MAX {
        return Verdict::Refused("it is larger than any payment by card");
    }
    if before.is_some_and(|(first, _)| now.since(first) >= new_for) {
        return Verdict::Taken;
    }
    let all = before.map_or(Some(payment.amount), |(_, paid)| paid.checked_add(payment.amount));
    if all.is_none_or(|all| all > NEW_CUSTOMER_MAX) {
        Verdict::Refused("a new customer may pay $50 by card in his first days")
    } else if payment.authenticated {
        Verdict::Taken
    } else {
        Verdict::Refused("a new customer's bank must have asked him, as 3-D Secure does")
    }
}

async fn take_in(app: &App, chain: u64, payment: &Payment) -> Result<(), StoreError> {
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    if customers::find(&mut tx, payment.customer).await?.is_none() {
        say_refused(payment, "there is no such account");
        return Ok(());
    }
    // Two payments at the same moment are both within the limit, and together above it.
    customers::take_row(&mut tx, payment.customer).await?;
    if let Some(known) = fiat::find(&mut tx, &payment.reference).await? {
        if (known.customer, known.amount) != (payment.customer, payment.amount) {
            tracing::error!(
                fiat.reference = payment.reference,
                "The processor tells of one charge in two ways; the first counts"
            );
        }
        return Ok(());
    }
    let before = fiat::history(&mut tx, payment.customer).await?;
    let verdict = judge(payment, before, app.config.timers.new_customer, now);
    let state = match verdict {
        Verdict::Taken => PaymentState::Paid,
        Verdict::Refused(_) => PaymentState::Refused,
    };
    fiat::insert(&mut tx, &KeptPayment::new(payment, chain, state, now)).await?;
    crate::fail::point("fiat.paid");
    commit(tx, "write a payment down").await?;
    match verdict {
        Verdict::Taken => {
            metrics::counter!(PAYMENTS, "outcome" => "taken").increment(1);
            tracing::info!(
                fiat.reference = payment.reference, customer.id = %payment.customer, fiat.amount = %payment.amount, "A card was charged",
            );
        }
        Verdict::Refused(why) => say_refused(payment, why),
    }
    Ok(())
}

fn say_refused(payment: &Payment, why: &'static str) {
    metrics::counter!(PAYMENTS, "outcome" => "refused").increment(1);
    tracing::error!(
        fiat.reference = payment.reference, customer.id = %payment.customer, fiat.amount = %payment.amount, fiat.refused = why,
        "A payment by card is not credited; give it back at the processor",
    );
}

async fn note(app: &App, reversal: &Reversal) -> Result<(), StoreError> {
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    fiat::note_reversal(&mut tx, reversal, now).await?;
    crate::fail::point("fiat.reversed");
    commit(tx, "note that a payment was taken back").await
}

#[cfg(test)]
mod tests {
    use headframe_protocol::CustomerId;

    use super::*;

    const NEW_FOR: Duration = Duration::from_hours(30 * 24);

    fn check(dollars: i32, authenticated: bool, before: Option<(i64, i32)>) -> bool {
        let payment = Payment {
            reference: "ch_1".to_owned(),
            customer: CustomerId::generate(),
            amount: Micros::dollars(dollars),
            authenticated,
        };
        let now = TimestampMs::from_millis(100 * 86_400_000);
        let before =
            before.map(|(days, paid)| (TimestampMs::from_millis(now.as_millis() - days * 86_400_000), Micros::dollars(paid)));
        judge(&payment, before, NEW_FOR, now) == Verdict::Taken
    }

    #[test]
    fn a_new_customer_pays_fifty_dollars_at_most_and_only_if_his_bank_asked_him() {
        assert!(check(50, true, None));
        assert!(!check(50, false, None), "nobody was asked");
        assert!(!check(51, true, None));
        assert!(check(20, true, Some((1, 30))));
        assert!(!check(21, true, Some((1, 30))), "together they are more");
        assert!(!check(1, true, Some((29, 50))));
    }

    #[test]
    fn a_customer_of_a_month_pays_what_he_likes() {
        assert!(check(5_000, false, Some((30, 50))));
        assert!(!check(100_001, true, Some((30, 50))), "but no sum nobody's card pays");
    }
}
