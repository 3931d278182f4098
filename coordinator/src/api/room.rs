//! Room in a customer's storage for bytes that are on their way.

use std::time::Duration;

use crate::{
    App,
    error::{ApiError, ApiResult},
    store::{
        self, StoreError, customers,
        reservations::{self, Reservation},
        until_uncrossed,
    },
};

/// Room that was taken. Given back when dropped, also when the sender hangs up, unless the bytes have come.
#[derive(Debug)]
pub(super) struct Room {
    app: App,
    reservation: Reservation,
    come: bool,
}

impl Room {
    /// Takes the room, for `keep_for` unless the bytes come sooner, or says that there is none.
    pub(super) async fn reserve(app: &App, reservation: Reservation, keep_for: Duration) -> ApiResult<Self> {
        match until_uncrossed(|| add(app, &reservation, keep_for)).await? {
            customers::Room::Enough => Ok(Self { app: app.clone(), reservation, come: false }),
            customers::Room::None => Err(over_quota()),
        }
    }

    /// The bytes are here and counted as what they are, or are the attempt's until it ends.
    pub(super) fn keep(mut self) {
        self.come = true;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.come {
            return;
        }
        let (app, reservation) = (self.app.clone(), self.reservation.clone());
        // Should it fail, the sweep gives the room back when the reservation has expired.
        self.app.tasks.spawn("room", async move {
            if let Err(error) = until_uncrossed(|| give_back(&app, &reservation)).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "Room for bytes that did not come stays taken for a while"
                );
            }
        });
    }
}

async fn add(app: &App, reservation: &Reservation, keep_for: Duration) -> Result<customers::Room, StoreError> {
    let mut tx = app.store.begin().await?;
    let expires = app.store.now().after(keep_for);
    let room = reservations::add(&mut tx, reservation, expires).await?;
    store::commit(tx, "reserve storage").await?;
    Ok(room)
}

async fn give_back(app: &App, reservation: &Reservation) -> Result<(), StoreError> {
    let mut tx = app.store.begin().await?;
    reservations::give_back(&mut tx, &reservation.id, reservation.customer).await?;
    store::commit(tx, "give storage back").await
}

/// There is no room for more.
pub(super) fn over_quota() -> ApiError {
    ApiError::quota_exceeded("Delete uploads, results or images you no longer need, or ask the operator for more room.")
        .naming("body", "does not fit into the account's storage")
}
