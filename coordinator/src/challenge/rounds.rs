//! Asks those who are due. Reconcilers: they look, they close the gap, they may run at any time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use headframe_proof::band::Band;
use headframe_protocol::{
    DeviceId, SessionId, Sha256,
    challenge::{Ask, Digest, NOTICE_MS_MAX, Soon},
    session::RefusedCode,
};
use tokio::{sync::mpsc, time::Instant};
use url::Url;

use super::{
    Live,
    actor::{INBOX_MAX, Lead},
    course::{Course, Terms},
    score::{class_of, parameters_of},
};
use crate::{
    App,
    auth::random_hex,
    sessions::SEND_TIMEOUT,
    store::{StoreError, audit, challenges, commit, rigs},
};

/// Who acts where nobody does.
const ACTOR: &str = "coordinator";

/// A challenge that is about to begin.
struct Next {
    device: DeviceId,
    session: SessionId,
    terms: Terms,
    begun: challenges::Begun,
    chance: u64,
    wants_notice: bool,
}

/// Begins what is due; takes cards that have two names out of work; tells the market which passes have become stale.
pub(crate) async fn ask(app: &App) -> Result<u64, StoreError> {
    let now = app.store.now();
    let news = app.challenges.lock().rigs.news(now, &app.config.challenge);
    for (device, session, report) in news {
        app.dispatch.changed(device, session, report).await;
    }
    let wanted: BTreeSet<DeviceId> = challenges::wanted(&mut *app.store.read().await?).await?.into_iter().collect();
    let round = {
        let mut known = app.challenges.lock();
        known.rigs.round(now, &wanted, |device| app.sessions.leases().held_by(device))
    };
    for (device, session) in round.set_aside {
        app.dispatch.ready(device, session, false).await;
    }
    for device in &round.quarantined {
        quarantine(app, *device).await?;
    }
    let mut begun = 0;
    for group in round.groups {
        begun += begin(app, group, &wanted).await?;
    }
    Ok(begun)
}

/// Closes what was under way when a coordinator ended.
pub(crate) async fn close_abandoned(app: &App) -> Result<u64, StoreError> {
    let mut tx = app.store.begin().await?;
    let closed = challenges::close_abandoned(&mut tx, app.store.now()).await?;
    commit(tx, "close abandoned challenges").await?;
    Ok(closed)
}

/// Forgets old outcomes.
pub(crate) async fn prune(app: &App) -> Result<u64, StoreError> {
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    let pruned = challenges::prune(&mut tx, now.before(app.config.timers.challenge_keep), now).await?;
    commit(tx, "forget old challenges").await?;
    Ok(pruned)
}

/// A rig names a card that another names too: it does not work until a person has looked.
async fn quarantine(app: &App, device: DeviceId) -> Result<(), StoreError> {
    let now = app.store.now();
    let mut tx = app.store.begin().await?;
    // Its session may take a moment to end, and it is looked at again meanwhile.
    if rigs::quarantined(&mut tx).await?.contains(&device) {
        return Ok(());
    }
    if rigs::set_quarantined(&mut tx, device, Some(now)).await? {
        let subject = device.to_string();
        let reason = "It names a card that another rig names too, or names one twice.";
        let act = audit::Act { actor: ACTOR, act: "rig.quarantine", subject: &subject, reason, detail: "" };
        audit::append(&mut tx, &act, now).await?;
    }
    commit(tx, "quarantine a rig").await?;
    tracing::warn!(rig.device = %device, "A rig names a card that another names too; it is out of work");
    app.sessions.refuse(device, RefusedCode::Quarantined);
    Ok(())
}

/// Begins the challenges of a group: all rows in one transaction, then all questions at once, after a notice to those who want one: who is
/// two must be asked at one second.
async fn begin(app: &App, group: Vec<(DeviceId, String)>, wanted: &BTreeSet<DeviceId>) -> Result<u64, StoreError> {
    let bands = bands(app, &group).await?;
    // The same lot for all: they are asked together again.
    let chance = rand::random();
    let next: Vec<Next> = group.iter().filter_map(|(device, gpu)| plan(app, *device, gpu, &bands, chance)).collect();
    let now = app.store.now();
    let mut tx = app.store.begin().await?;
    for next in &next {
        challenges::begin(&mut tx, &next.begun, now).await?;
    }
    for device in group.iter().map(|(device, _)| device).chain(wanted).filter(|device| wanted.contains(device)) {
        if next.iter().any(|next| next.device == *device) {
            challenges::unwant(&mut tx, *device).await?;
        }
    }
    commit(tx, "note that challenges begin").await?;
    let count = next.len() as u64;
    let is_told = next.iter().any(|next| next.wants_notice);
    let asked_at = Instant::now() + if is_told { notice(app) } else { Duration::ZERO };
    for next in next {
        app.dispatch.ready(next.device, next.session, false).await;
        start(app, next, asked_at);
    }
    Ok(count)
}

/// How long before it is asked a card hears of it.
fn notice(app: &App) -> Duration {
    app.config.timers.challenge_notice.min(Duration::from_millis(NOTICE_MS_MAX))
}

/// How fast the cards of each tier of a group are, each learned once.
async fn bands(app: &App, group: &[(DeviceId, String)]) -> Result<BTreeMap<String, Option<Band>>, StoreError> {
    let tiers: BTreeSet<String> = {
        let known = app.challenges.lock();
        group.iter().filter_map(|(device, gpu)| Some(known.rigs.card(*device, gpu)?.1.tier())).collect()
    };
    let mut connection = app.store.read().await?;
    let mut bands = BTreeMap::new();
    for tier in tiers {
        let band = Band::learned(&challenges::passes(&mut connection, &tier).await?);
        bands.insert(tier, band);
    }
    Ok(bands)
}

/// What a card is asked; nothing if it has gone meanwhile, or has no memory.
fn plan(app: &App, device: DeviceId, gpu: &str, bands: &BTreeMap<String, Option<Band>>, chance: u64) -> Option<Next> {
    let config = &app.config.challenge;
    let known = app.challenges.lock();
    let (rig, report, card) = known.rigs.card(device, gpu)?;
    let class = class_of(report.fu, card.shown(config), config);
    let parameters = parameters_of(report.vram_bytes, class, config)?;
    let rtt_p95 = rig.rtt_p95.unwrap_or(headframe_proof::timing::RTT_MAX);
    let opening = app.config.timers.challenge_opening;
    let seed = Digest::from_bytes(rand::random());
    let tier = report.tier();
    let band = bands.get(&tier).copied().flatten();
    let terms = Terms { seed, parameters, class, rtt_p95, band, opening, sending: SEND_TIMEOUT };
    let begun = challenges::Begun {
        seed,
        device,
        gpu: gpu.to_owned(),
        model: tier,
        owner: rig.account.clone().unwrap_or_else(|| device.to_string()),
        size: parameters.size(),
        products: parameters.products(),
        resident: parameters.resident(),
        claimed_ops_per_us: class.ops_per_s / 1_000_000,
        rtt_us: u64::try_from(rtt_p95.as_micros()).unwrap_or(u64::MAX),
        ends_by: app.store.now().after(terms.longest().saturating_add(notice(app))),
    };
    Some(Next { device, session: rig.session, terms, begun, chance, wants_notice: rig.wants_notice })
}

/// From here on it is under way.
fn start(app: &App, next: Next, asked_at: Instant) {
    let Next { device, session, terms, begun, chance, wants_notice } = next;
    let (seed, gpu, token) = (terms.seed, begun.gpu, format!("hfc_{}", random_hex()));
    let Some(base) = base(app, &seed) else { return };
    let course = Course::new(terms, asked_at);
    let first = Ask::Prove(course.prove(gpu.clone(), base, token.clone()));
    if wants_notice {
        let in_ms = u64::try_from(notice(app).as_millis()).unwrap_or(NOTICE_MS_MAX);
        // One that does not hear it is asked all the same.
        app.sessions.ask(device, session, Ask::Soon(Soon { gpu: gpu.clone(), in_ms }));
    }
    let (inbox, commands) = mpsc::channel(INBOX_MAX);
    {
        let mut known = app.challenges.lock();
        known.live.insert(seed, Live { device, session, token: Sha256::of(token.as_bytes()), inbox });
        known.rigs.begins(device, &gpu, seed);
    }
    let lead = Lead { app: app.clone(), course, seed, device, session, gpu, chance };
    app.tasks.spawn("challenge", lead.run((first, asked_at), commands));
}

/// Where openings of a challenge are brought.
fn base(app: &App, seed: &Digest) -> Option<Url> {
    Url::parse(&format!("{}/v1/challenges/{seed}/", app.origin())).ok()
}
