//! `admin rig challenges` and `admin rig cards`: what cards have proved.

use std::collections::BTreeMap;

use headframe_proof::standing::{self, Tier};
use headframe_protocol::{DeviceId, TimestampMs};
use serde::Serialize;

use super::table::{Shown, when};
use crate::{
    Config,
    challenge::{pasts, shown_fu},
    store::{Store, challenges},
};

/// A card as the operator sees it.
#[derive(Debug, Serialize)]
struct CardStanding {
    gpu: String,
    /// `unverified`, `verified`, `proven`.
    tier: &'static str,
    /// A person should look before it works again.
    suspect: bool,
    /// What it did when it passed last, in Frame Units; it may claim less.
    shown_fu: Option<u32>,
    challenges: usize,
    last_ms: Option<TimestampMs>,
}

pub(super) async fn challenges(store: &Store, device: Option<DeviceId>, limit: u32) -> anyhow::Result<Shown> {
    let all = challenges::list(&mut *store.read().await?, device, limit).await?;
    let headings = ["ASKED", "RIG", "CARD", "MODEL", "SIZE", "OUTCOME", "WHY", "PROVED IN", "READ IN"];
    let took = |micros: Option<u64>| micros.map_or_else(|| "-".to_owned(), |micros| format!("{} ms", micros / 1_000));
    Ok(Shown::rows(&all, headings, |one| {
        let size = format!("{} x {}", one.products, one.size);
        let outcome = one.outcome.clone().unwrap_or_else(|| "under way".to_owned());
        let why = one.reason.clone().unwrap_or_default();
        let (proved, read) = (took(one.proving_us), took(one.reading_us));
        [when(Some(one.asked_ms)), one.device.to_string(), one.gpu.clone(), one.model.clone(), size, outcome, why, proved, read]
    })?)
}

pub(super) async fn cards(config: &Config, store: &Store, device: DeviceId) -> anyhow::Result<Shown> {
    let history = challenges::history(&mut *store.read().await?, device).await?;
    let mut by_card: BTreeMap<String, Vec<challenges::Record>> = BTreeMap::new();
    for record in history {
        by_card.entry(record.gpu.clone()).or_default().push(record);
    }
    let now = store.now();
    let standing = |(gpu, history): (String, Vec<challenges::Record>)| {
        let pasts = pasts(&history);
        let tier = match standing::tier(&pasts, now) {
            Tier::Unverified => "unverified",
            Tier::Verified => "verified",
            Tier::Proven => "proven",
        };
        let (suspect, shown_fu) = (standing::is_suspect(&pasts), shown_fu(&history, &config.challenge));
        CardStanding { gpu, tier, suspect, shown_fu, challenges: pasts.len(), last_ms: pasts.last().map(|past| past.at) }
    };
    let all: Vec<CardStanding> = by_card.into_iter().map(standing).collect();
    Ok(Shown::rows(&all, ["CARD", "TIER", "SUSPECT", "SHOWN FU", "CHALLENGES", "LAST"], |card| {
        let suspect = if card.suspect { "yes" } else { "" }.to_owned();
        let shown = card.shown_fu.map_or_else(|| "-".to_owned(), |fu| fu.to_string());
        [card.gpu.clone(), card.tier.to_owned(), suspect, shown, card.challenges.to_string(), when(card.last_ms)]
    })?)
}
