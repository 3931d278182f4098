//! Two rigs name one card. A UUID is no secret: whoever has read one must not be able to put its owner out of work by naming it too.
//!
//! Where one has passed a challenge under that name before the other appeared, the other is the newcomer: it gets no work, both are
//! challenged in the same second, and the newcomer goes. The first goes too only if it fails: then the two may be one card. Where
//! nobody has shown anything before, both go, as there is nothing to tell them by.

use std::collections::{BTreeMap, BTreeSet};

use headframe_proof::standing::Outcome;
use headframe_protocol::{DeviceId, TimestampMs};

use super::{GROUP_REST, Rigs};

/// One card that several name, while it is found out whose it is.
#[derive(Debug)]
pub(super) struct Contest {
    since: TimestampMs,
    first: DeviceId,
    newcomers: BTreeSet<DeviceId>,
    /// Whether both were asked for it.
    asked: bool,
    /// Once it is known: whether the first must go too. Kept until the newcomers have gone, or it would begin anew meanwhile.
    failed: Option<bool>,
}

/// What a look at contested cards comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contested {
    /// They go.
    pub(super) quarantined: BTreeSet<DeviceId>,
    /// They are to be challenged now, all at once.
    pub(super) wished: BTreeSet<DeviceId>,
    /// They get no work until it is known.
    pub(super) set_aside: BTreeSet<DeviceId>,
}

impl Rigs {
    /// Who names which card too, and what follows.
    pub(super) fn contested(&mut self, now: TimestampMs) -> Contested {
        let mut found = Contested::default();
        for (uuid, named) in self.names() {
            let all: BTreeSet<DeviceId> = named.iter().copied().collect();
            let first = if all.len() == named.len() { self.first(&uuid, &all) } else { None };
            match first {
                // Somebody names it twice, or nobody has shown it before.
                None => found.quarantined.extend(all),
                Some(first) => self.decide(&uuid, (first, all), now, &mut found),
            }
        }
        // Who leaves before it is known is no better for it.
        let here: BTreeSet<DeviceId> = self.rigs.keys().copied().collect();
        self.contests.retain(|_, contest| {
            found.quarantined.extend(contest.newcomers.difference(&here).copied());
            contest.newcomers.is_subset(&here) && here.contains(&contest.first)
        });
        found
    }

    /// What follows for those who name a card that `first` has shown to be its own.
    fn decide(
        &mut self,
        uuid: &str,
        (first, mut newcomers): (DeviceId, BTreeSet<DeviceId>),
        now: TimestampMs,
        found: &mut Contested,
    ) {
        newcomers.remove(&first);
        let fresh = Contest { since: now, first, newcomers: newcomers.clone(), asked: false, failed: None };
        let contest = self.contests.entry(uuid.to_owned()).or_insert(fresh);
        contest.newcomers.extend(newcomers.iter().copied());
        let (since, asked, known) = (contest.since, contest.asked, contest.failed);
        let failed = match known.or_else(|| self.failed(first, uuid, since)) {
            Some(failed) => failed,
            // An owner who is at his PC, or a job that runs, is waited for: the newcomer waits too.
            None if now.since(since) < GROUP_REST => {
                found.wished.extend((!asked).then_some(first));
                found.set_aside.extend(newcomers);
                return;
            }
            None => false,
        };
        if let Some(contest) = self.contests.get_mut(uuid) {
            contest.failed = Some(failed);
        }
        found.quarantined.extend(newcomers.into_iter().chain(failed.then_some(first)));
    }

    /// A group was asked: what it was wished for is done.
    pub(super) fn contest_asked(&mut self, asked: &[(DeviceId, String)]) {
        for (uuid, contest) in &mut self.contests {
            contest.asked |= asked.iter().any(|(device, card)| *device == contest.first && card == uuid);
        }
    }

    /// Cards that are named more than once, and by whom.
    fn names(&self) -> BTreeMap<String, Vec<DeviceId>> {
        let mut names: BTreeMap<String, Vec<DeviceId>> = BTreeMap::new();
        for (device, rig) in &self.rigs {
            for uuid in rig.report.gpus.iter().map(|gpu| gpu.uuid.trim()).filter(|uuid| !uuid.is_empty()) {
                names.entry(uuid.to_owned()).or_default().push(*device);
            }
        }
        names.retain(|_, named| named.len() > 1);
        names
    }

    /// Who had passed under the name before any other appeared with it.
    fn first(&self, uuid: &str, all: &BTreeSet<DeviceId>) -> Option<DeviceId> {
        let card = |device: &DeviceId| self.rigs.get(device).and_then(|rig| rig.cards.get(uuid));
        all.iter().copied().find(|device| {
            let passed = card(device).and_then(|card| card.history.iter().find(|past| past.outcome == Outcome::Passed));
            let mut others = all.iter().filter(|other| *other != device);
            passed.is_some_and(|passed| others.all(|other| card(other).is_some_and(|card| passed.at < card.met)))
        })
    }

    /// Whether a rig has failed the last challenge since then; nothing if it has not ended, or came to nothing.
    fn failed(&self, device: DeviceId, uuid: &str, since: TimestampMs) -> Option<bool> {
        let card = self.rigs.get(&device)?.cards.get(uuid)?;
        match card.history.iter().rev().find(|past| past.at > since)?.outcome {
            Outcome::Passed => Some(false),
            Outcome::Refused | Outcome::OutOfTime => Some(true),
            Outcome::Unanswered => None,
        }
    }
}
