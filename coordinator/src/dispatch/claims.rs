//! Makes a group of matches true: one transaction, whatever its size.

use std::collections::HashSet;

use headframe_protocol::{Sha256, job::Trust, session::AttemptRef};

use crate::{
    auth::random_hex,
    market::Match,
    store::{
        Store, StoreError,
        attempts::{self, Claim, Claimed},
        commit, links, verify,
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
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// True now.
    pub(crate) assigned: Vec<Assigned>,
    /// Came to nothing: the job is gone.
    pub(crate) refused: Vec<Match>,
    /// Not made true: the rig may be the customer's own, and he pays by card.
    pub(crate) linked: Vec<Match>,
    /// Not made true: whoever stands behind the rig must not do this very job. Another rig may.
    pub(crate) barred: Vec<Match>,
    /// Not decided: the database failed. The jobs still wait.
    pub(crate) failed: Option<(Vec<Match>, StoreError)>,
}

/// Commits a group. An error leaves no trace in the database, unless the commit's answer was lost; then the attempts
/// were never offered and are taken back when their time to answer is over.
pub(crate) async fn write(store: &Store, terms: &Terms, matches: Vec<Match>) -> Outcome {
    let mut outcome = Outcome::default();
    let matches = match apart(store, matches).await {
        Ok(Apart { free, linked, barred }) => {
            (outcome.linked, outcome.barred) = (linked, barred);
            free
        }
        Err((matches, error)) => return Outcome { failed: Some((matches, error)), ..outcome },
    };
    if matches.is_empty() {
        return outcome;
    }
    let tokens: Vec<String> = matches.iter().map(|_| format!("hft_{}", random_hex())).collect();
    let claims: Vec<Claim> = matches.iter().zip(&tokens).map(|(matched, token)| claim(matched, token)).collect();
    match in_one_commit(store, terms, &claims).await {
        Err(error) => Outcome { failed: Some((matches, error)), ..outcome },
        Ok(mut won) => {
            for (matched, token) in matches.into_iter().zip(tokens) {
                match won.remove(&matched.job.id) {
                    Some(job) => {
                        let at = AttemptRef { attempt: matched.attempt, epoch: matched.job.epoch + 1 };
                        outcome.assigned.push(Assigned { matched, at, token, job });
                    }
                    None => outcome.refused.push(matched),
                }
            }
            outcome
        }
    }
}

/// Matches, by whether they may be made true.
#[derive(Debug, Default)]
struct Apart {
    free: Vec<Match>,
    linked: Vec<Match>,
    barred: Vec<Match>,
}

/// Those that may be made true, those whose rig is linked to their customer, and those whose rig must not check this work. The market
/// keeps these apart by itself; it may not have heard of a link yet.
async fn apart(store: &Store, matches: Vec<Match>) -> Result<Apart, (Vec<Match>, StoreError)> {
    let found = match (links_of(store, &matches).await, barred_of(store, &matches).await) {
        (Ok(linked), Ok(barred)) => linked.into_iter().zip(barred),
        (Err(error), _) | (_, Err(error)) => return Err((matches, error)),
    };
    let mut apart = Apart::default();
    for (matched, (linked, barred)) in matches.into_iter().zip(found) {
        let into = match (linked, barred) {
            (true, _) => &mut apart.linked,
            (false, true) => &mut apart.barred,
            (false, false) => &mut apart.free,
        };
        into.push(matched);
    }
    Ok(apart)
}

/// Whether each rig may be the same person's as another that does the same work. Most work is done once, and then one question is
/// all that is asked.
async fn barred_of(store: &Store, matches: &[Match]) -> Result<Vec<bool>, StoreError> {
    let (now, mut connection) = (store.now(), store.read().await?);
    let jobs: Vec<_> = matches.iter().map(|matched| matched.job.id).collect();
    let compared = verify::barred(&mut connection, &jobs).await?;
    let (mut found, mut seen) = (Vec::with_capacity(matches.len()), HashSet::new());
    for Match { job, device, .. } in matches {
        let may = match compared.get(&job.id) {
            // Two in one commit do not see each other in the database.
            Some(trial) => seen.insert(trial) && verify::may_take(&mut connection, (trial, job.id), *device, now).await?,
            None => true,
        };
        // Since it signed in as a partner's, it may have been found out.
        let trusted = job.want.need.trust <= Trust::Community
            || verify::trust_of(&mut connection, *device, now).await? >= job.want.need.trust;
        let may = may && trusted;
        found.push(!may);
    }
    Ok(found)
}

async fn links_of(store: &Store, matches: &[Match]) -> Result<Vec<bool>, StoreError> {
    if matches.iter().all(|matched| !matched.job.want.need.by_card) {
        return Ok(vec![false; matches.len()]);
    }
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
        class: matched.class.name(),
        waited_s: matched.waited_s,
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
