//! Makes a group of matches true: one transaction, whatever its size.

use headframe_protocol::{Sha256, session::AttemptRef};

use crate::{
    auth::random_hex,
    market::Match,
    store::{
        Store, StoreError,
        attempts::{self, Claim, Claimed},
        commit, links,
    },
};

use super::actor::Terms;

/// A match that is true now, and what the offer needs.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub(crate) matched: Match,
    pub(crate) at: AttemptRef,
    pub(crate) token: String,
    pub(crate) job: Claimed,
}

/// What became of a group of matches.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// True now.
    pub(crate) assigned: Vec<Assigned>,
    /// Came to nothing: the job is gone.
    pub(crate) refused: Vec<Match>,
    /// Not made true: the rig may be the customer's own, and he pays by card.
    pub(crate) linked: Vec<Match>,
    /// Not decided: the database failed. The jobs still wait.
    pub(crate) failed: Option<(Vec<Match>, StoreError)>,
}

/// Commits a group. An error leaves no trace in the database, unless the commit's answer was lost; then the attempts
/// were never offered and are taken back when their time to answer is over.
pub(crate) async fn write(store: &Store, terms: &Terms, matches: Vec<Match>) -> Outcome {
    let (matches, linked) = match apart(store, matches).await {
        Ok(apart) => apart,
        Err((matches, error)) => {
            return Outcome { assigned: Vec::new(), refused: Vec::new(), linked: Vec::new(), failed: Some((matches, error)) };
        }
    };
    if matches.is_empty() {
        return Outcome { assigned: Vec::new(), refused: Vec::new(), linked, failed: None };
    }
    let tokens: Vec<String> = matches.iter().map(|_| format!("hft_{}", random_hex())).collect();
    let claims: Vec<Claim> = matches.iter().zip(&tokens).map(|(matched, token)| claim(matched, token)).collect();
    match in_one_commit(store, terms, &claims).await {
        Err(error) => Outcome { assigned: Vec::new(), refused: Vec::new(), linked, failed: Some((matches, error)) },
        Ok(mut won) => {
            let (mut assigned, mut refused) = (Vec::new(), Vec::new());
            for (matched, token) in matches.into_iter().zip(tokens) {
                match won.remove(&matched.job.id) {
                    Some(job) => {
                        let at = AttemptRef { attempt: matched.attempt, epoch: matched.job.epoch + 1 };
                        assigned.push(Assigned { matched, at, token, job });
                    }
                    None => refused.push(matched),
                }
            }
            Outcome { assigned, refused, linked, failed: None }
        }
    }
}

/// Those that may be made true, and those whose rig is linked to their customer. The market keeps these apart by itself; it may not
/// have heard of a link yet.
async fn apart(store: &Store, matches: Vec<Match>) -> Result<(Vec<Match>, Vec<Match>), (Vec<Match>, StoreError)> {
    if matches.iter().all(|matched| !matched.job.want.need.by_card) {
        return Ok((matches, Vec::new()));
    }
    match links_of(store, &matches).await {
        Ok(linked) => {
            let (linked, free): (Vec<_>, Vec<_>) = matches.into_iter().zip(linked).partition(|(_, linked)| *linked);
            let matches = |pairs: Vec<(Match, bool)>| pairs.into_iter().map(|(matched, _)| matched).collect();
            Ok((matches(free), matches(linked)))
        }
        Err(error) => Err((matches, error)),
    }
}

async fn links_of(store: &Store, matches: &[Match]) -> Result<Vec<bool>, StoreError> {
    let (now, mut connection) = (store.now(), store.read().await?);
    let mut found = Vec::with_capacity(matches.len());
    for Match { job, device, .. } in matches {
        found.push(job.want.need.by_card && links::are_linked(&mut connection, job.customer, *device, now).await?);
    }
    Ok(found)
}

fn claim(matched: &Match, token: &str) -> Claim {
    Claim {
        job: matched.job.id,
        epoch: matched.job.epoch,
        attempt: matched.attempt,
        device: matched.device,
        token: Sha256::of(token.as_bytes()),
        price_per_hour: matched.price_per_hour,
    }
}

async fn in_one_commit(
    store: &Store,
    terms: &Terms,
    claims: &[Claim],
) -> Result<std::collections::HashMap<headframe_protocol::JobId, Claimed>, StoreError> {
    let mut tx = store.begin().await?;
    let now = store.now();
    let terms = attempts::Terms {
        fee_bps: terms.fee_bps,
        lease_until: now.after(terms.lease_ttl),
        answer_by: now.after(terms.answer_by),
        now,
    };
    let won = attempts::claim(&mut tx, claims, terms, store.skip_locked()).await?;
    crate::fail::point("claim");
    commit(tx, "commit claims").await?;
    crate::fail::point("claim_committed");
    Ok(won)
}
