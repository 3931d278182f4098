//! Sends the messages that are due to customers' webhooks.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use headframe_protocol::TimestampMs;

use super::{ReconcileError, Run};
use crate::{
    App, Timers,
    error::Chain,
    store::{
        commit,
        outbox::{self, Due},
    },
    webhooks::Undelivered,
};

/// Messages of one run. Those of a receiver that does not answer hold a run up for `BATCH_MAX / TOGETHER_MAX` time-outs.
const BATCH_MAX: u32 = 128;

/// Messages on their way at the same moment, so that one slow receiver does not hold up the others.
const TOGETHER_MAX: usize = 32;

/// One run. Being told to stop in the middle of it is harmless: what was not noted as delivered is sent again.
pub(super) async fn deliver(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let due = outbox::due(&mut connection, app.store.now(), BATCH_MAX).await?;
    drop(connection);
    let count = due.len() as u64;
    let stop = app.tasks.stopping();
    let deliveries = futures_util::stream::iter(due).map(Ok).try_for_each_concurrent(TOGETHER_MAX, |due| deliver_one(&app, due));
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(0),
        done = deliveries => done.map(|()| count),
    }
}

/// Takes one message, sends it and notes what came of it.
async fn deliver_one(app: &App, due: Due) -> Result<(), ReconcileError> {
    let Due { message, customer } = due;
    let timers = &app.config.timers;
    if message.tries >= app.config.webhooks.tries_max {
        // Every try was made and the last was never noted: we crashed, or were stopped, in the middle of it.
        return give_up(app, &message).await;
    }
    // Longer than a try lasts: if we crash during it, the message is due again, and not before the try is surely over.
    let taken_until = app.store.now().after(timers.webhook_timeout * 2);
    let mut tx = app.store.begin().await?;
    let taken = outbox::take(&mut tx, &message, taken_until).await?;
    commit(tx, "take a webhook message").await?;
    if !taken {
        return Ok(());
    }
    let sent = app.webhooks.send(customer, &message, app.store.now()).await;
    let (now, tries) = (app.store.now(), message.tries.saturating_add(1));
    let mut tx = app.store.begin().await?;
    match &sent {
        Ok(()) => outbox::delivered(&mut tx, &message.id, now).await?,
        Err(error) if error.is_passing() && tries < app.config.webhooks.tries_max => {
            outbox::put_off(&mut tx, &message.id, tries, next_try(timers, tries, now)).await?;
        }
        Err(_) => outbox::abandoned(&mut tx, &message.id, now).await?,
    }
    commit(tx, "note what came of a webhook message").await?;
    say(&message, tries, &sent);
    Ok(())
}

async fn give_up(app: &App, message: &outbox::Message) -> Result<(), ReconcileError> {
    let mut tx = app.store.begin().await?;
    outbox::abandoned(&mut tx, &message.id, app.store.now()).await?;
    commit(tx, "give a webhook message up").await?;
    Ok(())
}

/// When to try again after `tries` failed: the wait doubles with each.
fn next_try(timers: &Timers, tries: u32, now: TimestampMs) -> TimestampMs {
    let wait: Duration = timers.webhook_backoff.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    now.after(wait.min(timers.webhook_backoff_max))
}

/// Counts the try and says what an operator may be asked about. The address is not said: it may carry a token.
fn say(message: &outbox::Message, tries: u32, sent: &Result<(), Undelivered>) {
    let result = if sent.is_ok() { "delivered" } else { "failed" };
    metrics::counter!("headframe_webhook_tries_total", "result" => result).increment(1);
    if let Err(error) = sent {
        tracing::info!(
            webhook.message = message.id, job.id = %message.job, webhook.tries = tries, error = %Chain(error),
            "A webhook message was not delivered",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let (timers, now) = (Timers::default(), TimestampMs::from_millis(0));
        let waits: Vec<i64> = [1, 2, 3, 13, 14, 200].map(|tries| next_try(&timers, tries, now).as_millis() / 1_000).to_vec();
        assert_eq!(waits, [5, 10, 20, 20_480, 21_600, 21_600]);
    }
}
