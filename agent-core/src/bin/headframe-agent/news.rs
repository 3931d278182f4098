//! What the owner is told outside of the window: few things, none twice, and nothing while a game or a film has the screen.
//!
//! [`News`] decides and touches nothing; [`tell`] shows it where the desktop shows such things.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use headframe_protocol::{
    TimestampMs,
    control::{ClockFault, JobCard, Language, MoneyNews, Notices, Phase, Stage, WaitReason},
    job::Reason,
    session::RefusedCode,
};
use zbus::zvariant::Value;

use crate::reminder::Reminder;

mod speech;

use speech::Said;
pub(crate) use speech::of_desktop;

/// Between two things he is told. Whoever hears a bell every minute takes it away.
const SPACING: Duration = Duration::from_mins(10);

/// How long the PC cannot work before he is told. An engine that is restarted needs him for nothing.
const TROUBLE_AFTER: Duration = Duration::from_mins(5);

/// How often he is told of the same trouble.
const TROUBLE_AGAIN_AFTER: Duration = Duration::from_hours(24);

/// What waits to be told. Of more jobs than this in ten minutes, single ones are of no interest.
const WAITING_MAX: usize = 8;

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
    /// Which money it is about: its owner knows of it once he was told.
    pub(crate) money: Option<String>,
}

/// Remembers what was told, and what happened since.
#[derive(Debug, Default)]
pub(crate) struct News {
    language: Language,
    reminder: Reminder,
    told_at: Option<TimestampMs>,
    /// Attempts whose end is known; absent before the first look: what was over then is no news.
    over: Option<HashSet<String>>,
    waiting: VecDeque<Said>,
    /// Money he does not know of, oldest first. The wallet remembers what he was told.
    money: Vec<MoneyNews>,
    /// What he was told in this life, though the wallet may not have heard of it.
    known: HashSet<String>,
    /// What stands in the way, since when, and when he was told.
    trouble: Option<(String, TimestampMs, Option<TimestampMs>)>,
    /// Whether the clock of this PC keeps it from the network.
    shut_out_by_clock: bool,
}

impl News {
    /// Tells it in that language.
    pub(crate) fn new(language: Language) -> Self {
        Self { language, ..Self::default() }
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

    /// What he is to be told `now`, if anything, of a rig that is in `phase` since `since`.
    pub(crate) fn due(&mut self, phase: &Phase, since: TimestampMs, now: TimestampMs, wanted: Notices) -> Option<Due> {
        self.look_for_trouble(phase, now);
        let is_soon = self.told_at.is_some_and(|told| now.since(told) < SPACING);
        if is_soon || is_busy(phase) {
            return None;
        }
        let said = self
            .trouble_due(phase, now, wanted)
            .or_else(|| self.money.first().filter(|_| wanted.paid).cloned().map(Said::Money))
            .or_else(|| self.waiting.pop_front())
            .or_else(|| self.reminder.due(phase, since, now).filter(|_| wanted.paused).map(|days| Said::StillPaused { days }))?;
        self.told_at = Some(now);
        let money = if let Said::Money(news) = &said { Some(news.id.clone()) } else { None };
        Some(Due { item: speech::item(&said, self.language), money })
    }

    fn look_for_trouble(&mut self, phase: &Phase, now: TimestampMs) {
        let found = self.found(phase).map(|(kind, _)| kind);
        match (found, &self.trouble) {
            (Some(kind), Some((before, ..))) if *before == kind => {}
            (Some(kind), _) => self.trouble = Some((kind.to_owned(), now, None)),
            (None, _) => self.trouble = None,
        }
    }

    fn found(&self, phase: &Phase) -> Option<(&'static str, Said)> {
        trouble(phase).or_else(|| self.shut_out_by_clock.then_some(("clock", Said::ClockWrong)))
    }

    fn trouble_due(&mut self, phase: &Phase, now: TimestampMs, wanted: Notices) -> Option<Said> {
        let (kind, said) = self.found(phase)?;
        let (_, since, told) = self.trouble.as_mut()?;
        let is_wanted = if kind == "too_old" { wanted.update } else { wanted.trouble };
        let is_due = told.map_or(now.since(*since) >= TROUBLE_AFTER, |told| now.since(told) >= TROUBLE_AGAIN_AFTER);
        if !is_wanted || !is_due {
            return None;
        }
        *told = Some(now);
        Some(said)
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

/// Whether somebody plays or watches.
fn is_busy(phase: &Phase) -> bool {
    let Phase::Waiting { reasons } = phase else { return false };
    reasons.iter().any(|reason| {
        matches!(reason, WaitReason::Fullscreen | WaitReason::Program { .. } | WaitReason::GpuInUse { .. } | WaitReason::Remote)
    })
}

/// Shows it where the desktop shows such things (Desktop Notifications Specification 1.3, `Notify`).
pub(crate) async fn tell(Item { title, text }: &Item) -> zbus::Result<()> {
    let bus = zbus::Connection::session().await?;
    let (actions, hints): (&[&str], HashMap<&str, Value<'_>>) = (&[], HashMap::new());
    // A desktop may take marks in a text for markup, and titles are the customers'.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
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

#[cfg(test)]
mod tests;
