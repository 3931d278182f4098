//! What holds in whatever order things happen.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::store::Entry;

/// Lines that may follow one another in any order; those that name an attempt mean one of four.
const LINES: [&str; 58] = [
    "measuring wanted",
    "measuring 50",
    "measuring is over",
    "offer ? saving",
    "offer ? saving",
    "? saved 1",
    "checkpoint ? written",
    "checkpoint ? not written",
    "checkpoint ? accepted",
    "settled ? yielded",
    "offer ?",
    "offer ?",
    "offer ?",
    "accept written ?",
    "accept written ?",
    "accept written ?",
    "accept not written ?",
    "? prepares",
    "? runs",
    "? ran 1000",
    "? ran 7000",
    "? exits",
    "? ends well",
    "? is stopped",
    "? fails exit_code",
    "? fails engine_failed",
    "end written ?",
    "end written ?",
    "end not written ?",
    "settled ?",
    "cancel ?",
    "withdraw ?",
    "not ours ?",
    "heartbeat",
    "connected",
    "disconnected",
    "owner returns",
    "rules battery",
    "rules nothing",
    "rules nothing",
    "power 10 floor 2000000000",
    "power 10 floor 40",
    "power unknown",
    "owner away",
    "owner away",
    "pause",
    "measure",
    "start",
    "start",
    "finish",
    "owner unseen",
    "engine missing",
    "engine ready",
    "disk full",
    "disk roomy",
    "1s pass",
    "5s pass",
    "70s pass",
];

/// Checks each effect against what has been decided before.
#[derive(Default)]
struct Watchdog {
    written: HashSet<AttemptRef>,
    containers: HashSet<AttemptRef>,
    slots: usize,
    /// How often an outcome was to be written, less how often that did not work.
    ended: HashMap<AttemptRef, i32>,
    outcome_written: HashSet<AttemptRef>,
    wanted_back: HashMap<AttemptRef, Moment>,
    /// What is on the disk of attempts that were started.
    volumes: HashSet<AttemptRef>,
    /// Checkpoints that are being brought, and those that are being written down.
    saving: HashSet<AttemptRef>,
    noting: HashSet<AttemptRef>,
    noted: HashSet<AttemptRef>,
    measures: bool,
}

impl Watchdog {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Written(Written::Accepted(at)) => drop(self.written.insert(*at)),
            Event::Written(Written::Ended(at)) => drop(self.outcome_written.insert(*at)),
            Event::Written(Written::NotEnded(at)) => *self.ended.entry(*at).or_default() -= 1,
            Event::Written(Written::CheckpointSaved(at)) => {
                self.noting.remove(at);
                self.noted.insert(*at);
            }
            Event::Written(Written::CheckpointNotSaved(at)) => drop(self.noting.remove(at)),
            Event::Run(RunEvent { at, kind: RunEventKind::Saved(_) }) => drop(self.saving.remove(at)),
            Event::Run(RunEvent { at, kind: RunEventKind::Ended(_) }) => {
                self.containers.remove(at);
                self.wanted_back.remove(at);
            }
            Event::Measured(Measured::Over) => self.measures = false,
            Event::Tick
            | Event::Asked(_)
            | Event::Owner(_)
            | Event::Rules(_)
            | Event::Cards(_)
            | Event::Gate(_)
            | Event::Egress(_)
            | Event::Refuses(_)
            | Event::Engine(_)
            | Event::Adopted(_)
            | Event::Disk(_)
            | Event::Measured(_)
            | Event::Coordinator(_)
            | Event::Run(_)
            | Event::Written(_) => {}
        }
    }

    fn effect(&mut self, effect: &Effect, now: Moment) {
        match effect {
            Effect::Run(Order::Start { offer, .. }) => {
                assert!(self.written.contains(&offer.at), "nothing is started before the journal has it");
                assert!(!self.measures, "nothing is started beside a measurement");
                self.containers.insert(offer.at);
                self.volumes.insert(offer.at);
                assert!(self.containers.len() <= self.slots, "a slot never has two containers");
            }
            // Whoever is more in a hurry than the first does not begin the time anew.
            Effect::Run(Order::Stop { at, .. }) => drop(self.wanted_back.entry(*at).or_insert(now)),
            Effect::Run(Order::Kill(at)) => drop(self.wanted_back.remove(at)),
            Effect::Write(Entry::Ended { at, .. }) => {
                let times = self.ended.entry(*at).or_default();
                *times += 1;
                assert!(*times <= 1, "{} has one outcome", at.attempt);
            }
            Effect::Say(crate::coordinator::Say::Finished { at, .. }) => {
                assert!(self.outcome_written.contains(at), "an outcome is written before it is said");
            }
            Effect::Run(Order::Save(offer)) => {
                assert!(self.outcome_written.contains(&offer.at), "the end is written before anything is brought of it");
                assert!(!self.containers.contains(&offer.at), "nobody writes while it is read");
                self.saving.insert(offer.at);
            }
            Effect::Run(Order::Discard(at)) => {
                self.saving.remove(at);
                self.volumes.remove(at);
            }
            Effect::Write(Entry::CheckpointSaved { at, .. }) => drop(self.noting.insert(*at)),
            Effect::Say(crate::coordinator::Say::Checkpoint { at, .. }) => {
                assert!(self.noted.contains(at), "what was brought is written before it is said");
            }
            Effect::Measure { .. } => {
                assert!(self.containers.is_empty(), "nothing is measured beside a job");
                self.measures = true;
            }
            Effect::StopMeasuring => self.measures = false,
            Effect::Write(_) | Effect::Say(_) | Effect::Leave => {}
        }
        for (at, since) in &self.wanted_back {
            assert!(now.since(*since) <= grace(), "{} was asked to stop {:?} ago and lives", at.attempt, now.since(*since));
        }
    }
}

/// The longest an owner waits, by the rules as shipped.
fn grace() -> Duration {
    Duration::from_secs(u64::from(crate::idle::Rules::shipped().giving_back.input_s))
}

/// A runner or journal only tells of what it was asked; anything else would test a world that cannot be.
fn is_possible(line: &str, rig: &Rig, dog: &Watchdog) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = |name: &str| (0..4).find(|index| super::name(*index) == name).and_then(|index| rig.names.get(index));
    let held = |name: &str| at(name).and_then(|at| rig.duty.held().iter().find(|held| held.at() == *at));
    match words.as_slice() {
        ["offer", name, "saving"] | ["offer", name] => {
            // Attempts are named in order, and an attempt that has ended is never offered again.
            let index = (0..4).find(|index| super::name(*index) == *name).unwrap_or(4);
            index == rig.names.len() || held(name).is_some()
        }
        ["accept", "written", name] | ["accept", "not", "written", name] => {
            held(name).is_some_and(|held| held.life == Life::Writing)
        }
        ["end", "written", name] | ["end", "not", "written", name] => {
            held(name).is_some_and(|held| matches!(held.life, Life::Closing { .. }))
        }
        [name, "saved", _] => at(name).is_some_and(|at| dog.saving.contains(at)),
        ["checkpoint", name, "written"] | ["checkpoint", name, "not", "written"] => {
            at(name).is_some_and(|at| dog.noting.contains(at))
        }
        ["checkpoint", name, "accepted"] => at(name).is_some(),
        ["settled", name] | ["settled", name, _] => held(name).is_some_and(|held| matches!(held.life, Life::Reporting { .. })),
        ["cancel" | "withdraw", name] | ["not", "ours", name] => held(name).is_some(),
        [name, "prepares" | "runs" | "exits"] | [name, "ran", _] | [name, "is" | "ends" | "fails", _] => {
            held(name).is_some_and(|held| dog.containers.contains(&held.at()))
        }
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(slots in 1_u8..3, steps in prop::collection::vec((0..LINES.len(), 0_usize..4), 1..80)) {
        let mut rig = Rig::ready(slots);
        let mut dog = Watchdog { slots: slots.into(), ..Watchdog::default() };
        for (line, which) in steps {
            let line = LINES[line].replace('?', name(which));
            if !is_possible(&line, &rig, &dog) {
                continue;
            }
            step(&mut rig, &mut dog, &line);
        }
        // Then the world comes to rest: whatever was accepted ends, once.
        for _ in 0..4 {
            for which in 0..4 {
                for line in ["accept written ?", "? is stopped", "end written ?", "settled ?"] {
                    let line = line.replace('?', name(which));
                    if is_possible(&line, &rig, &dog) {
                        step(&mut rig, &mut dog, &line);
                    }
                }
            }
        }
        prop_assert!(rig.duty.held().is_empty(), "left over: {:?}\n{}", rig.duty.held(), rig.told);
        // What nobody brings or answers about is given up.
        rig.now = rig.now + SAVE_WITHIN;
        rig.event(Event::Tick).iter().for_each(|effect| dog.effect(effect, rig.now.moment));
        prop_assert_eq!(&rig.duty.keeping, &[]);
        prop_assert!(dog.volumes.is_empty(), "left on the disk: {:?}\n{}", dog.volumes, rig.told);
        prop_assert!(dog.containers.is_empty(), "containers left: {:?}\n{}", dog.containers, rig.told);
    }
}

fn step(rig: &mut Rig, dog: &mut Watchdog, line: &str) {
    // Time passes in steps shorter than a tick, as it does in the loop.
    if let Some(seconds) = line.strip_suffix("s pass") {
        for _ in 0..seconds.parse::<u32>().expect("seconds") * 4 {
            rig.now = rig.now + Duration::from_millis(250);
            for effect in rig.event(Event::Tick) {
                dog.effect(&effect, rig.now.moment);
            }
        }
        return;
    }
    for (event, effects) in rig.traced(line) {
        dog.event(&event);
        for effect in &effects {
            dog.effect(effect, rig.now.moment);
        }
    }
}
