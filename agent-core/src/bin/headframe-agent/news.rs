//! What the owner is told outside of the window: few things, none twice, and nothing while a game or a film has the screen.
//!
//! [`News`] decides and touches nothing; [`tell`] shows it where the desktop shows such things.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use headframe_agent::clock::{Moment, Now};
use headframe_protocol::{
    TimestampMs,
    control::{ClockFault, JobCard, Language, MoneyNews, Notices, Phase, ProbeSees, ProbeView, Snapshot, Stage, WaitReason},
    job::Reason,
    session::RefusedCode,
};
use tokio::time::timeout;
use zbus::{connection::Builder, zvariant::Value};

use crate::reminder::Reminder;

pub(crate) mod herald;
mod speech;

use speech::Said;
pub(crate) use speech::{Entry, label, of_desktop};

/// Between two things he is told. Whoever hears a bell every minute takes it away.
const SPACING: Duration = Duration::from_mins(10);

/// How long the PC cannot work before he is told. An engine that is restarted needs him for nothing.
const TROUBLE_AFTER: Duration = Duration::from_mins(5);

/// How often he is told of the same trouble.
const TROUBLE_AGAIN_AFTER: Duration = Duration::from_hours(24);

/// What waits to be told. Of more jobs than this in ten minutes, single ones are of no interest.
const WAITING_MAX: usize = 8;

/// How long the desktop may take. One that starts its bell first needs a second.
const TELL_WITHIN: Duration = Duration::from_secs(5);

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// What is told now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) item: Item,
    pub(crate) about: About,
}

/// What a notice is about, for [`News::told`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    Trouble,
    /// Which money.
    Money(String),
    /// The end of the job that waited longest.
    Job,
    Pause,
}

/// What the rig is doing, and what its owner is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    phase: &'a Phase,
    since: TimestampMs,
    probes: &'a [ProbeView],
}

impl<'a> Seen<'a> {
    pub(crate) fn of(Snapshot { phase, since_ms, probes, .. }: &'a Snapshot) -> Self {
        Self { phase, since: *since_ms, probes }
    }
}

/// What stands in the way of earning.
#[derive(Debug)]
struct Trouble {
    kind: &'static str,
    since: Moment,
    told: Option<Moment>,
}

/// Remembers what was told, and what happened since.
#[derive(Debug, Default)]
pub(crate) struct News {
    language: Language,
    reminder: Reminder,
    told_at: Option<Moment>,
    /// Attempts whose end is known; absent before the first look: what was over then is no news.
    over: Option<HashSet<String>>,
    waiting: VecDeque<Said>,
    /// Money he does not know of, oldest first. The wallet remembers what he was told.
    money: Vec<MoneyNews>,
    /// What he was told in this life, though the wallet may not have heard of it.
    known: HashSet<String>,
    trouble: Option<Trouble>,
    /// Whether the clock of this PC keeps it from the network.
    shut_out_by_clock: bool,
}

impl News {
    /// Tells it in that language, and reminds of a pause as often as `reminder` says.
    pub(crate) fn new(language: Language, reminder: Reminder) -> Self {
        Self { language, reminder, ..Self::default() }
    }

    /// All the money that he does not know of.
    pub(crate) fn money(&mut self, untold: Vec<MoneyNews>) {
        self.money = untold.into_iter().filter(|news| !self.known.contains(&news.id)).collect();
    }

    /// He knows of this money.
    pub(crate) fn knows(&mut self, ids: &[String]) {
        self.known.extend(ids.iter().cloned());
    }

    /// The newest jobs, whenever the history has changed.
    pub(crate) fn jobs(&mut self, cards: &[JobCard], wanted: Notices) {
        let ended = || cards.iter().filter(|card| card.ended_ms.is_some());
        let now: HashSet<String> = ended().map(told_apart).collect();
        let Some(before) = self.over.replace(now) else { return };
        // The oldest first, as it happened.
        let cards: Vec<&JobCard> = ended().filter(|card| !before.contains(&told_apart(card))).collect();
        for card in cards.into_iter().rev() {
            let said = match (card.stage, card.reason) {
                (_, Some(Reason::ResultMismatch)) if wanted.refused => Said::ResultRefused { title: card.title.clone() },
                (Stage::Succeeded, _) if wanted.job_done => {
                    Said::JobDone { title: card.title.clone(), earned: card.earned.to_string() }
                }
                _ => continue,
            };
            if self.waiting.len() == WAITING_MAX {
                self.waiting.pop_front();
            }
            self.waiting.push_back(said);
        }
    }

    /// What is wrong with the clock of this PC.
    pub(crate) const fn clock(&mut self, fault: Option<ClockFault>) {
        self.shut_out_by_clock = matches!(fault, Some(ClockFault::TooEarly { .. } | ClockFault::TooLate { .. }));
    }

    /// What he is to be told `now`, if anything. It stays due until he was [`Self::told`].
    pub(crate) fn due(&mut self, seen: Seen<'_>, now: Now, wanted: Notices) -> Option<Due> {
        self.look_for_trouble(seen.phase, now.moment);
        let paused = self.reminder.due(seen.phase, seen.since, now);
        let is_soon = self.told_at.is_some_and(|told| now.moment.since(told) < SPACING);
        if is_soon || is_busy(seen) {
            return None;
        }
        let trouble = || self.trouble_due(seen.phase, now.moment, wanted).map(|said| (About::Trouble, said));
        let untold = self.money.first().filter(|_| wanted.paid);
        let money = || untold.map(|news| (About::Money(news.id.clone()), Said::Money(news.clone())));
        let job = || self.waiting.front().map(|said| (About::Job, said.clone()));
        let pause = || paused.filter(|_| wanted.paused).map(|days| (About::Pause, Said::StillPaused { days }));
        let (about, said) = trouble().or_else(money).or_else(job).or_else(pause)?;
        Some(Due { item: speech::item(&said, self.language), about })
    }

    /// The desktop took what was due.
    pub(crate) fn told(&mut self, about: &About, now: Now) {
        self.told_at = Some(now.moment);
        match about {
            About::Trouble => {
                if let Some(trouble) = &mut self.trouble {
                    trouble.told = Some(now.moment);
                }
            }
            About::Money(id) => {
                self.money.retain(|news| news.id != *id);
                self.known.insert(id.clone());
            }
            About::Job => drop(self.waiting.pop_front()),
            About::Pause => self.reminder.told(now),
        }
    }

    fn look_for_trouble(&mut self, phase: &Phase, now: Moment) {
        let found = self.found(phase).map(|(kind, _)| kind);
        match (found, &self.trouble) {
            (Some(kind), Some(before)) if before.kind == kind => {}
            (Some(kind), _) => self.trouble = Some(Trouble { kind, since: now, told: None }),
            (None, _) => self.trouble = None,
        }
    }

    fn found(&self, phase: &Phase) -> Option<(&'static str, Said)> {
        trouble(phase).or_else(|| self.shut_out_by_clock.then_some(("clock", Said::ClockWrong)))
    }

    fn trouble_due(&self, phase: &Phase, now: Moment, wanted: Notices) -> Option<Said> {
        let (kind, said) = self.found(phase)?;
        let Trouble { since, told, .. } = self.trouble.as_ref()?;
        let is_wanted = if kind == "too_old" { wanted.update } else { wanted.trouble };
        let is_due = told.map_or(now.since(*since) >= TROUBLE_AFTER, |told| now.since(told) >= TROUBLE_AGAIN_AFTER);
        (is_wanted && is_due).then_some(said)
    }
}

/// An end is another one once it has another reason: results are judged when the job is long over.
fn told_apart(card: &JobCard) -> String {
    format!("{} {:?} {:?}", card.attempt, card.stage, card.reason)
}

/// What keeps the PC from earning until its owner does something: which, and what to do.
fn trouble(phase: &Phase) -> Option<(&'static str, Said)> {
    let Phase::Waiting { reasons } = phase else { return None };
    reasons.iter().find_map(|reason| match reason {
        WaitReason::NoEngine => Some(("no_engine", Said::NoEngine)),
        WaitReason::EngineUnusable { message } => Some(("engine_unusable", Said::EngineUnusable { message: message.clone() })),
        WaitReason::DiskFull => Some(("disk_full", Said::DiskFull)),
        WaitReason::RulesBroken { .. } => Some(("rules_broken", Said::RulesBroken)),
        WaitReason::Refused { code: RefusedCode::TooOld, .. } => Some(("too_old", Said::TooOld)),
        WaitReason::Refused { code: RefusedCode::BadHandshake, message } => {
            Some(("bad_handshake", Said::NotLetIn { message: message.clone() }))
        }
        WaitReason::Refused { code: RefusedCode::Quarantined, message } => {
            Some(("quarantined", Said::Quarantined { message: message.clone() }))
        }
        WaitReason::Refused { code: RefusedCode::Superseded | RefusedCode::BadMessage | RefusedCode::Unavailable, .. }
        | WaitReason::OwnerActive { .. }
        | WaitReason::NoIdleProbe
        | WaitReason::Offline
        | WaitReason::BackingOff { .. }
        | WaitReason::Schedule { .. }
        | WaitReason::Remote
        | WaitReason::Program { .. }
        | WaitReason::Fullscreen
        | WaitReason::OnBattery
        | WaitReason::Metered
        | WaitReason::Hot { .. }
        | WaitReason::GpuInUse { .. }
        | WaitReason::GpuKept { .. }
        | WaitReason::CoolingDown { .. }
        | WaitReason::Busy { .. }
        | WaitReason::Unprofitable { .. }
        | WaitReason::ProbeBroken { .. } => None,
    })
}

/// Whether somebody plays, watches, or is elsewhere. Only a rig that waits says what keeps it; of the others the probes tell.
fn is_busy(Seen { phase, probes, .. }: Seen<'_>) -> bool {
    let reasons = if let Phase::Waiting { reasons } = phase { reasons.as_slice() } else { &[] };
    probes.iter().any(|probe| matches!(probe.sees, Some(ProbeSees::Fullscreen | ProbeSees::Remote)))
        || reasons.iter().any(|reason| {
            matches!(
                reason,
                WaitReason::Fullscreen | WaitReason::Program { .. } | WaitReason::GpuInUse { .. } | WaitReason::Remote
            )
        })
}

/// Why nobody was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    #[error("the desktop takes no notices ({0})")]
    Refused(#[from] zbus::Error),
    #[error("the desktop does not answer")]
    Silent,
}

/// Shows it where the desktop shows such things.
pub(crate) async fn tell(item: &Item) -> Result<(), Untold> {
    tell_within(TELL_WITHIN, Builder::session()?, item).await
}

/// The bus itself waits for an answer without end.
async fn tell_within(limit: Duration, bus: Builder<'_>, item: &Item) -> Result<(), Untold> {
    timeout(limit, notify(bus, item)).await.map_err(|_| Untold::Silent)?.map_err(Untold::Refused)
}

/// Desktop Notifications Specification 1.3, `Notify`.
async fn notify(bus: Builder<'_>, Item { title, text }: &Item) -> zbus::Result<()> {
    let bus = bus.build().await?;
    let (actions, hints): (&[&str], HashMap<&str, Value<'_>>) = (&[], HashMap::new());
    let text = as_markup(text);
    let message = ("Headframe", 0_u32, "headframe", title.as_str(), text.as_str(), actions, hints, -1_i32);
    bus.call_method(
        Some("org.freedesktop.Notifications"),
        "/org/freedesktop/Notifications",
        Some("org.freedesktop.Notifications"),
        "Notify",
        &message,
    )
    .await
    .map(drop)
}

/// As it stands, for a desktop that takes marks in a text for markup: titles are the customers'.
pub(crate) fn as_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// As it stands, for a menu that takes `_` for the mark of a key.
pub(crate) fn as_label(text: &str) -> String {
    text.replace('_', "__")
}

#[cfg(test)]
mod tests;
