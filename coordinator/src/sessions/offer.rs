//! What a rig is told of a job, all but the registry's login.

use headframe_protocol::{
    FRAME_BYTES_MAX, Micros,
    job::Verify,
    session::{AttemptRef, CoordinatorMessage, Offer},
};
use url::Url;

use crate::{dispatch::Terms, market::Match, store::attempts::Claimed};

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is in the rig's outbox.
    Pushed,
    /// The rig's session is gone, or does not keep up.
    Gone,
    /// No rig would take it: a session ends with a frame that is too long.
    TooLong(TooLong),
}

/// More bytes than a frame may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong {
    pub(crate) bytes: usize,
}

/// The offer as it goes over the line.
pub(super) fn frame(offer: Offer) -> Result<String, TooLong> {
    let frame = serde_json::to_string(&CoordinatorMessage::Offer(Box::new(offer))).map_err(|_| TooLong { bytes: usize::MAX })?;
    if frame.len() > FRAME_BYTES_MAX { Err(TooLong { bytes: frame.len() }) } else { Ok(frame) }
}

pub(super) fn build(public_url: &Url, matched: &Match, at: AttemptRef, token: String, job: Claimed, terms: &Terms) -> Offer {
    let Claimed { mut spec, array_index, checkpoint, repeats: _ } = job;
    // The owner's rig has no business with the customer's own addresses.
    spec.webhook = None;
    // And none with how its work is checked.
    spec.verify = Verify::None;
    // Agents of before refuse a specification that names it; those of now look beside it.
    let content = std::mem::take(&mut spec.content);
    let price = matched.price_per_hour;
    let earns = Micros::new(price.get() - price.fee(terms.fee_bps).get());
    let mut base = public_url.clone();
    base.set_path(&format!("{}/v1/attempts/{}/", public_url.path().trim_end_matches('/'), at.attempt));
    Offer {
        at,
        job: matched.job.id,
        spec,
        array_index,
        earns_per_hour: earns,
        ack_within_ms: u64::try_from(terms.offer_ack.as_millis()).unwrap_or(u64::MAX),
        base,
        token,
        registry: None,
        checkpoint,
        customer: None,
        content,
    }
}
