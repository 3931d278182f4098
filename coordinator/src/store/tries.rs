//! Transactions that cross another. One of the two is given up by the database, and begun anew it finds the way free.
//!
//! The order in which rows are locked keeps most from crossing: the job, its attempt, the accounts in their order, content
//! by its sum, the customer. What several jobs share in one commit, as reports do, cannot all be ordered.

use std::time::Duration;

use super::StoreError;

/// How often a transaction is begun. Each has lost a second to the database's search for the circle; a fourth crossing in
/// a row is no accident, and whoever waits is told to come back.
const TRIES_MAX: u32 = 4;

/// Times the number of tries so far, so that two that crossed do not meet again in step.
const PAUSE: Duration = Duration::from_millis(10);

/// An error that may be a crossing.
pub(crate) trait Crossing {
    /// See [`StoreError::has_crossed`].
    fn has_crossed(&self) -> bool;
}

impl Crossing for StoreError {
    fn has_crossed(&self) -> bool {
        Self::has_crossed(self)
    }
}

/// Does `act`, one whole transaction from its beginning to its commit, again while it crosses others.
pub(crate) async fn until_uncrossed<T, E: Crossing, F: Future<Output = Result<T, E>>>(
    mut act: impl FnMut() -> F,
) -> Result<T, E> {
    let mut tries = 1;
    loop {
        match act().await {
            Err(error) if error.has_crossed() && tries < TRIES_MAX => tokio::time::sleep(PAUSE * tries).await,
            done => return done,
        }
        tries += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Crossed(bool);

    impl Crossing for Crossed {
        fn has_crossed(&self) -> bool {
            self.0
        }
    }

    async fn check(crossings: u32, last: Result<u32, Crossed>) -> (Result<u32, Crossed>, u32) {
        let mut begun = 0;
        let mut last = Some(last);
        let done = until_uncrossed(|| {
            begun += 1;
            std::future::ready(if begun <= crossings { Err(Crossed(true)) } else { last.take().expect("it is over") })
        });
        let done = done.await;
        (done, begun)
    }

    #[tokio::test]
    async fn a_crossing_is_tried_again_and_a_refusal_is_not() {
        assert_eq!(check(0, Ok(7)).await, (Ok(7), 1));
        assert_eq!(check(2, Ok(7)).await, (Ok(7), 3));
        assert_eq!(check(0, Err(Crossed(false))).await, (Err(Crossed(false)), 1));
        assert_eq!(check(9, Ok(7)).await, (Err(Crossed(true)), TRIES_MAX));
    }
}
