//! Scripts of events and the decisions they lead to. Each line of a script is one event; what is decided stands below it.

use std::sync::Arc;

use expect_test::{Expect, expect};
use headframe_protocol::{
    AttemptId, JobId, Micros, Pseudonym, Sha256, TimestampMs,
    control::{MeasuringView, Phase, WaitReason},
    job::{Content, JobSpec, Reason},
    session::{AttemptRef, CheckpointSettled, Ended, LeaseVerdict, OutputFile, RefusedCode, Settled},
};

use super::*;
use crate::{
    coordinator::Said,
    runner::{Adopted, Ending, Found, RunEvent, RunEventKind},
    store::{Saved, Written},
};

mod checkpoint;
mod giving_back;
mod invariants;
mod measuring;
mod recovery;
mod scripts;

/// A duty under test, with a clock and attempts called `a`, `b` and so on.
struct Rig {
    duty: Duty,
    now: Now,
    names: Vec<AttemptRef>,
    told: String,
}

impl Rig {
    fn new(slots: u8, past: Past) -> Self {
        let capacity = Capacity { slots, gpus: slots, cpu_cores: 8, memory_bytes: 16 << 30, disk_bytes: 100 << 30 };
        let now = at(1_000_000);
        let names = past.open.iter().map(|open| open.offer.at).collect();
        Self { duty: Duty::new(capacity, Timers { divisor: 1 }, past, now), now, names, told: String::new() }
    }

    /// Started, connected, engine there, owner away.
    fn ready(slots: u8) -> Self {
        let mut rig =
            Self::new(slots, Past { choice: Choice::On, paused_until: None, open: Vec::new(), checkpoints: Vec::new() });
        rig.event(Event::Owner(Idleness::Away));
        rig.event(Event::Engine(EngineState::Ready));
        rig.event(opened(rig.now, Vec::new()));
        rig.told.clear();
        rig
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.duty.step(event, self.now);
        for effect in &effects {
            let mut line = effect.to_string();
            for (index, at) in self.names.iter().enumerate() {
                line = line.replace(&at.attempt.to_string(), name(index));
            }
            self.told.push_str(&format!("    {line}\n"));
        }
        effects
    }

    /// One line of a script.
    fn run(&mut self, line: &str) {
        self.traced(line);
    }

    /// One line of a script, with the events it means and what each led to.
    fn traced(&mut self, line: &str) -> Vec<(Event, Vec<Effect>)> {
        self.told.push_str(&format!("{line}\n"));
        let events = self.events(line);
        events.into_iter().map(|event| (event.clone(), self.event(event))).collect()
    }

    fn events(&mut self, line: &str) -> Vec<Event> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let event = match words.as_slice() {
            ["offer", name] => self.offer(name, 0),
            ["offer", name, "saving"] => self.offer_saving(name),
            ["offer", name, "reaching", bytes] => self.offer_reaching(name, bytes.parse().expect("bytes")),
            ["offer", name, "of", customer] => self.offer_of(name, customer, true),
            ["offer", name, "of", customer, "saving", "nothing"] => self.offer_of(name, customer, false),
            ["block", customer] => Event::Asked(Ask::Block { customer: pseudonym(customer), stop: false }),
            ["block", customer, "and", "stop"] => Event::Asked(Ask::Block { customer: pseudonym(customer), stop: true }),
            ["rules", "refuse", "nothing"] => Event::Refuses(Refusals::default()),
            ["rules", "refuse", "unsaved"] => Event::Refuses(Refusals { unsaved: true, ..Refusals::default() }),
            ["rules", "refuse", customer] => {
                Event::Refuses(Refusals { blocked: vec![pseudonym(customer)], ..Refusals::default() })
            }
            ["rules", "let", "reach", bytes] => Event::Egress(bytes.parse().expect("bytes")),
            ["offer", name, "keep_for", seconds] => self.offer(name, seconds.parse().expect("seconds")),
            [time, "pass"] => {
                self.now = self.now + Duration::from_secs(time.trim_end_matches('s').parse().expect("seconds"));
                Event::Tick
            }
            ["start"] => Event::Asked(Ask::Start),
            ["pause"] => Event::Asked(Ask::Pause(None)),
            ["pause", time] => {
                Event::Asked(Ask::Pause(Some(Duration::from_secs(time.trim_end_matches('s').parse().expect("seconds")))))
            }
            ["finish"] => Event::Asked(Ask::Finish),
            ["measure"] => Event::Asked(Ask::Measure),
            ["quit"] => Event::Asked(Ask::Quit),
            ["owner", "away"] => Event::Owner(Idleness::Away),
            ["owner", "returns"] => {
                Event::Owner(Idleness::Present { last_input: self.now, away_at: self.now + Duration::from_secs(120) })
            }
            ["owner", "unseen"] => Event::Owner(Idleness::Unknown),
            ["rules", "nothing"] => Event::Rules(Hindrances::none()),
            ["rules", what] => Event::Rules(Hindrances { rig: vec![hindrance(what)], ..Hindrances::none() }),
            ["rules", what, "on", slot] => {
                let slots = [(slot.parse().expect("a slot"), vec![hindrance(what)])].into();
                Event::Rules(Hindrances { slots, ..Hindrances::none() })
            }
            // What each card holds, in GiB, and how much of it is not a job's.
            ["cards", cards @ ..] => Event::Cards(cards.iter().map(|card| memory(card)).collect()),
            [name, "offered", "with", "a", "card"] => self.offer_with_card(name),
            ["power", "unknown"] => Event::Gate(None),
            ["power", power, "floor", floor] => {
                let amount = |text: &str| Micros::new(text.parse().expect("micro-dollars"));
                Event::Gate(Some(Gate { power_per_hour: amount(power), floor_per_hour: amount(floor) }))
            }
            ["measuring", "wanted"] => Event::Measured(Measured::Wanted),
            ["measuring", percent] => {
                let percent = percent.parse().expect("percent");
                Event::Measured(Measured::Progress(MeasuringView { what: "a card".to_owned(), gpu: None, percent, left_s: 1 }))
            }
            ["measuring", "is", "over"] => Event::Measured(Measured::Over),
            ["engine", "ready"] => Event::Engine(EngineState::Ready),
            ["engine", "missing"] => Event::Engine(EngineState::Missing),
            ["disk", "full"] => Event::Disk(DiskState::Full),
            ["disk", "roomy"] => Event::Disk(DiskState::Roomy),
            ["connected"] => opened(self.now, self.verdicts(true)),
            ["connected", "but", "holds", "nothing"] => opened(self.now, self.verdicts(false)),
            ["disconnected"] => Event::Coordinator(Said::Closed { message: "cut".to_owned(), retry_at: self.now }),
            ["refused"] => {
                Event::Coordinator(Said::Refused { code: RefusedCode::Quarantined, message: "Quarantined.".to_owned() })
            }
            ["heartbeat"] => {
                let beat = Said::Beat { sent: self.now.moment, verdicts: self.verdicts(true) };
                return vec![Event::Coordinator(Said::HeartbeatSent), Event::Coordinator(beat)];
            }
            ["unanswered", "heartbeat"] => Event::Coordinator(Said::HeartbeatSent),
            ["not", "ours", name] => {
                let verdicts = vec![LeaseVerdict { at: self.at(name), held: false }];
                Event::Coordinator(Said::Beat { sent: self.now.moment, verdicts })
            }
            ["cancel", name] => Event::Coordinator(Said::Cancel(self.ended(name, Reason::CancelledByCustomer))),
            ["withdraw", name] => Event::Coordinator(Said::Withdraw(self.ended(name, Reason::NoAnswer))),
            ["revoke", name] => {
                let at = self.at(name);
                let held = self.duty.held().iter().find(|held| held.at() == at).expect("held");
                Event::Coordinator(Said::Revoke(held.offer.spec.image.digest()))
            }
            ["settled", name] => Event::Coordinator(Said::Settled(Settled {
                at: self.at(name),
                state: headframe_protocol::job::AttemptState::Succeeded,
                reason: None,
                credit: Micros::new(42),
                paid_ms: 1,
            })),
            ["settled", name, state] => Event::Coordinator(Said::Settled(Settled {
                at: self.at(name),
                state: state.parse().expect("a state"),
                reason: None,
                credit: Micros::ZERO,
                paid_ms: 0,
            })),
            ["checkpoint", name, "written"] => Event::Written(Written::CheckpointSaved(self.at(name))),
            ["checkpoint", name, "not", "written"] => Event::Written(Written::CheckpointNotSaved(self.at(name))),
            ["checkpoint", name, "accepted"] => {
                Event::Coordinator(Said::CheckpointSettled(CheckpointSettled { at: self.at(name), accepted: true }))
            }
            [name, "saved", files] => {
                let file = |number: u8| OutputFile { path: format!("state/{number}"), sha256: Sha256::of(&[number]), bytes: 1 };
                let files = (0..files.parse().expect("a number")).map(file).collect();
                self.ran(name, RunEventKind::Saved(Saved { files, problem: None }))
            }
            ["accept", "written", name] => Event::Written(Written::Accepted(self.at(name))),
            ["accept", "not", "written", name] => Event::Written(Written::NotAccepted(self.at(name))),
            ["end", "written", name] => Event::Written(Written::Ended(self.at(name))),
            ["end", "not", "written", name] => Event::Written(Written::NotEnded(self.at(name))),
            ["receipt", "written", name, number, ms] => Event::Written(Written::Receipt {
                at: self.at(name),
                sequence: number.parse().expect("a number"),
                running_ms: ms.parse().expect("a number"),
            }),
            [name, "prepares"] => self.ran(name, RunEventKind::Preparing { permille: Some(100) }),
            [name, "runs"] => self.ran(name, RunEventKind::Started),
            [name, "ran", ms] => self.ran(name, RunEventKind::Running { running_ms: ms.parse().expect("a number") }),
            [name, "exits"] => self.ran(name, RunEventKind::Exited { code: 0 }),
            [name, "ends", "well"] => {
                self.ran(name, RunEventKind::Ended(Ending::Succeeded { outputs: Vec::new(), running_ms: 9_000, log_bytes: 7 }))
            }
            [name, "is", "stopped"] => self.ran(name, RunEventKind::Ended(Ending::Stopped { running_ms: 5_000, log_bytes: 7 })),
            [name, "fails", reason] => self.ran(
                name,
                RunEventKind::Ended(Ending::Failed {
                    reason: reason.parse().expect("a reason"),
                    exit_code: None,
                    detail: None,
                    running_ms: 0,
                    log_bytes: 0,
                }),
            ),
            ["found", "z", "nothing"] => Event::Adopted(Vec::new()),
            ["found", name, found] => Event::Adopted(vec![Adopted { at: self.at(name), found: self::found(found) }]),
            other => panic!("no such line: {other:?}"),
        };
        vec![event]
    }

    fn offer(&mut self, name: &str, keep_for_s: u32) -> Event {
        if !self.names.iter().enumerate().any(|(index, _)| self::name(index) == name) {
            self.names.push(AttemptRef { attempt: AttemptId::generate(), epoch: 1 });
        }
        Event::Coordinator(Said::Offer(Arc::new(offer(self.at(name), keep_for_s))))
    }

    fn offer_saving(&mut self, name: &str) -> Event {
        let Event::Coordinator(Said::Offer(offer)) = self.offer(name, 0) else { panic!("an offer") };
        let mut offer = Arc::unwrap_or_clone(offer);
        offer.spec.checkpoint = Some(headframe_protocol::job::Checkpoint { path: "state".to_owned(), every_s: 60 });
        Event::Coordinator(Said::Offer(Arc::new(offer)))
    }

    fn offer_of(&mut self, name: &str, customer: &str, saves: bool) -> Event {
        let Event::Coordinator(Said::Offer(offer)) = self.offer_saving(name) else { panic!("an offer") };
        let mut offer = Arc::unwrap_or_clone(offer);
        offer.customer = Some(pseudonym(customer));
        offer.spec.checkpoint = offer.spec.checkpoint.filter(|_| saves);
        Event::Coordinator(Said::Offer(Arc::new(offer)))
    }

    fn offer_with_card(&mut self, name: &str) -> Event {
        let Event::Coordinator(Said::Offer(offer)) = self.offer(name, 0) else { panic!("an offer") };
        let mut offer = Offer::clone(&offer);
        offer.spec.resources.gpu = Some(serde_json::from_value(serde_json::json!({ "count": 1 })).expect("a need"));
        Event::Coordinator(Said::Offer(Arc::new(offer)))
    }

    fn offer_reaching(&mut self, name: &str, bytes: u64) -> Event {
        self.offer(name, 0);
        let mut offer = offer(self.at(name), 0);
        let wanted = serde_json::json!({ "allow": ["pypi.org"], "max_bytes": bytes });
        offer.spec.network = serde_json::from_value(wanted).expect("a valid network");
        Event::Coordinator(Said::Offer(Arc::new(offer)))
    }

    fn at(&self, name: &str) -> AttemptRef {
        let index = (0..9).find(|index| self::name(*index) == name).expect("a name");
        *self.names.get(index).expect("an offered attempt")
    }

    fn ran(&self, name: &str, kind: RunEventKind) -> Event {
        Event::Run(RunEvent { at: self.at(name), kind })
    }

    fn ended(&self, name: &str, reason: Reason) -> Ended {
        Ended { at: self.at(name), reason }
    }

    fn verdicts(&self, held: bool) -> Vec<LeaseVerdict> {
        self.duty.standing().leases.into_iter().map(|lease| LeaseVerdict { at: lease.at, held }).collect()
    }

    /// Runs a script whose lines are separated by semicolons.
    fn script(&mut self, script: &str) {
        for line in script.split(';') {
            self.run(line.trim());
        }
    }
}

fn at(ms: u64) -> Now {
    let wall = TimestampMs::from_millis(i64::try_from(ms).expect("small"));
    Now { moment: Moment::from_origin(Duration::from_millis(ms)), wall }
}

fn name(index: usize) -> &'static str {
    ["a", "b", "c", "d", "e", "f", "g", "h", "i"][index]
}

/// `ann` or any other name of at most sixteen letters.
fn pseudonym(customer: &str) -> Pseudonym {
    let mut bytes = [0; 16];
    bytes[..customer.len()].copy_from_slice(customer.as_bytes());
    Pseudonym::from_bytes(bytes)
}

fn hindrance(text: &str) -> WaitReason {
    match text {
        "battery" => WaitReason::OnBattery,
        "film" => WaitReason::Fullscreen,
        "busy" => WaitReason::Busy { percent: 90, at_most: 50 },
        "game" => WaitReason::GpuInUse { gpu: "a card".to_owned(), program: "game".to_owned() },
        "kept" => WaitReason::GpuKept { gpu: "a card".to_owned() },
        other => panic!("no such hindrance: {other}"),
    }
}

/// `5` or `5/2`: holds 5 GiB, 2 of them not a job's; `?` does not tell.
fn memory(text: &str) -> Option<CardMemory> {
    let (used, others) = text.split_once('/').unwrap_or((text, "0"));
    let gib = |text: &str| text.parse::<u64>().ok().map(|gib| gib << 30);
    Some(CardMemory { used_bytes: gib(used)?, others_bytes: gib(others)? })
}

fn found(text: &str) -> Found {
    match text {
        "running" => Found::Running,
        "exited" => Found::Exited,
        "unstarted" => Found::NotStarted,
        "missing" => Found::Missing,
        other => panic!("no such finding: {other}"),
    }
}

fn opened(now: Now, verdicts: Vec<LeaseVerdict>) -> Event {
    let lease_ttl = Duration::from_secs(60);
    Event::Coordinator(Said::Opened { network: "testbed".to_owned(), sent: now.moment, lease_ttl, verdicts })
}

fn offer(at: AttemptRef, keep_for_s: u32) -> Offer {
    let digest = "5".repeat(64);
    let spec: JobSpec = serde_json::from_value(serde_json::json!({
        "image": format!("registry.test/demo/tool@sha256:{digest}"),
        "max_price_per_hour": "100000",
        "on_disconnect": { "keep_for_s": keep_for_s },
    }))
    .expect("a valid job");
    Offer {
        at,
        job: JobId::generate(),
        spec,
        array_index: None,
        earns_per_hour: Micros::new(50_000),
        ack_within_ms: 2_000,
        base: "http://127.0.0.1:1/v1/attempts/x/".parse().expect("a url"),
        token: "secret".to_owned(),
        registry: None,
        checkpoint: Vec::new(),
        customer: None,
        content: Content::Undeclared,
    }
}

/// Runs `script` on a rig that is ready, and compares what was decided.
fn check(script: &str, expected: Expect) {
    let mut rig = Rig::ready(1);
    rig.script(script);
    expected.assert_eq(&rig.told);
}

/// A script that brings `a` to work.
const WORKING: &str = "offer a; accept written a; a prepares; a runs; a ran 1000";

/// Runs `script` on a rig that works on `a`, and compares what was decided after that.
fn check_working(script: &str, expected: Expect) {
    let mut rig = Rig::ready(1);
    rig.script(WORKING);
    rig.told.clear();
    rig.script(script);
    expected.assert_eq(&rig.told);
}

fn phase_after(script: &str) -> Phase {
    let mut rig = Rig::ready(1);
    rig.script(script);
    rig.duty.phase()
}
