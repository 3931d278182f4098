//! What the outside may see: the snapshot the window draws, and the cards of past jobs. Built, never kept.

use std::collections::{BTreeMap, BTreeSet};

use headframe_protocol::{
    DeviceId, Micros, TimestampMs,
    control::{AskView, ClockFault, CpuView, EngineView, GpuView, JobCard, Link, Phase, RigView, Snapshot, Stage, WaitReason},
    job::{AttemptState, Reason},
    session::Outcome,
};

use crate::{
    duty::{Duty, Held, Life},
    idle::{Gate, IdleState},
    ledger::{self, Ledger},
    store::{PastAttempt, title},
    telemetry::{GpuReading, Hardware, Load},
};

mod probes;

pub(crate) use probes::probes;

/// Everything a snapshot is made of.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The device's name on the network.
    pub device: DeviceId,
    /// What the owner calls the rig.
    pub name: &'a str,
    /// What is decided.
    pub duty: &'a Duty,
    /// When the phase began.
    pub since_ms: TimestampMs,
    /// The PC.
    pub hardware: &'a Hardware,
    /// What its cards were measured to be worth, by UUID.
    pub scores: &'a BTreeMap<String, u32>,
    /// Those that compute for a challenge now, by UUID.
    pub proving: &'a BTreeSet<String>,
    /// What it does.
    pub load: &'a Load,
    /// What is believed about the owner.
    pub idle: &'a IdleState,
    /// What was earned.
    pub ledger: &'a Ledger,
    /// The line to the coordinator.
    pub link: &'a Link,
    /// The network is one of practice.
    pub practice: bool,
    /// The container engine.
    pub engine: &'a EngineView,
    /// What is wrong with this PC's clock.
    pub clock: Option<ClockFault>,
    /// Counts what has changed the history.
    pub history: u32,
}

/// Draws the present.
#[must_use]
pub fn snapshot(sources: &Sources<'_>, revision: u32) -> Snapshot {
    let Sources {
        device,
        name,
        duty,
        since_ms,
        hardware,
        scores,
        proving,
        load,
        idle,
        ledger,
        link,
        practice,
        engine,
        clock,
        history,
    } = sources;
    let pending = duty.held().iter().map(worth).sum();
    Snapshot {
        revision,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        phase: duty.phase(),
        since_ms: *since_ms,
        rig: RigView {
            device: device.to_string(),
            name: (*name).to_owned(),
            cpu: CpuView {
                model: hardware.cpu_model.clone(),
                cores: hardware.cpu_cores,
                load_percent: load.cpu_percent,
                memory_used_bytes: load.memory_used_bytes,
                memory_bytes: hardware.memory_bytes,
            },
            gpus: load.gpus.iter().map(|reading| gpu(reading, (scores, proving), against(reading, duty, hardware))).collect(),
        },
        working: duty.held().iter().filter_map(|held| working(held, &load.gpus)).collect(),
        today: ledger.earned(pending),
        link: (*link).clone(),
        practice: *practice,
        engine: (*engine).clone(),
        asks: duty.gate().map(|Gate { power_per_hour, floor_per_hour }| AskView { power_per_hour, floor_per_hour }),
        probes: probes(&idle.probes, idle.belief.idleness),
        clock: *clock,
        history: *history,
    }
}

/// Whether two phases are the same to somebody who asks since when.
#[must_use]
pub fn same_phase(one: &Phase, other: &Phase) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// What stands in the way of work on one card alone.
fn against(reading: &GpuReading, duty: &Duty, hardware: &Hardware) -> Vec<WaitReason> {
    let slot = hardware.gpus.iter().position(|gpu| gpu.uuid == reading.uuid).and_then(|slot| u8::try_from(slot).ok());
    slot.map(|slot| duty.hindering_slot(slot)).unwrap_or_default()
}

fn gpu(
    reading: &GpuReading,
    (scores, proving): (&BTreeMap<String, u32>, &BTreeSet<String>),
    reasons: Vec<WaitReason>,
) -> GpuView {
    let GpuReading {
        uuid,
        model,
        vendor: _,
        vram_bytes,
        vram_used_bytes,
        temperature_c,
        fan_percent,
        power_milliwatts,
        load_percent,
        core_clock_mhz,
        memory_clock_mhz,
        programs: _,
        facts: _,
    } = reading;
    GpuView {
        uuid: uuid.clone(),
        model: model.clone(),
        fu: None,
        measured_fu: scores.get(uuid).copied(),
        temperature_c: *temperature_c,
        fan_percent: *fan_percent,
        power_milliwatts: *power_milliwatts,
        load_percent: *load_percent,
        core_clock_mhz: *core_clock_mhz,
        memory_clock_mhz: *memory_clock_mhz,
        vram_used_bytes: *vram_used_bytes,
        vram_bytes: *vram_bytes,
        proving: proving.contains(uuid),
        reasons,
    }
}

fn worth(held: &Held) -> Micros {
    ledger::pending(held.offer.earns_per_hour, held.running_ms, outcome(held))
}

fn outcome(held: &Held) -> Option<&Outcome> {
    match &held.life {
        Life::Closing { outcome, .. } | Life::Reporting { outcome, .. } => Some(outcome),
        Life::Writing | Life::Recovering { .. } | Life::Resuming | Life::Doing | Life::Stopping { .. } => None,
    }
}

/// The card of an attempt that is on the rig. One that only waits to be settled is history.
fn working(held: &Held, gpus: &[GpuReading]) -> Option<JobCard> {
    let stage = match &held.life {
        Life::Writing | Life::Resuming => Stage::Preparing,
        Life::Recovering { .. } | Life::Doing | Life::Closing { .. } => stage(held.doing),
        Life::Stopping { .. } => Stage::Yielding,
        Life::Reporting { .. } => return None,
    };
    let offer = &held.offer;
    let (result_files, result_bytes) = result(outcome(held));
    Some(JobCard {
        attempt: offer.at.attempt.to_string(),
        job: offer.job.to_string(),
        title: title(offer),
        image: offer.spec.image.to_string(),
        stage,
        reason: None,
        reason_text: None,
        started_ms: held.accepted_ms,
        ended_ms: None,
        running_ms: held.running_ms,
        timeout_ms: u64::try_from(offer.spec.timeout().as_millis()).ok(),
        permille: held.permille,
        earns_per_hour: offer.earns_per_hour,
        earned: worth(held),
        confirmed: false,
        result_files,
        result_bytes,
        log_bytes: held.log_bytes,
        // A job for the processor has a slot too, so that there is one job to a card; the card is not its.
        gpus: if offer.spec.resources.gpu.is_some() { on_slots(held.slots(), gpus) } else { Vec::new() },
        customer: offer.customer.map(|customer| customer.to_string()),
    })
}

/// The GPUs of these slots. An attempt of an earlier life has none until the runner has looked.
fn on_slots(slots: &[u8], gpus: &[GpuReading]) -> Vec<String> {
    slots.iter().filter_map(|slot| gpus.get(usize::from(*slot))).map(|gpu| gpu.uuid.clone()).collect()
}

/// A state in the owner's words.
pub(crate) const fn stage(state: AttemptState) -> Stage {
    match state {
        AttemptState::Offered | AttemptState::Accepted | AttemptState::Preparing => Stage::Preparing,
        AttemptState::Running => Stage::Running,
        AttemptState::Uploading => Stage::Uploading,
        AttemptState::Succeeded => Stage::Succeeded,
        AttemptState::Failed => Stage::Failed,
        AttemptState::Yielded => Stage::Yielded,
        AttemptState::Lost | AttemptState::Withdrawn => Stage::Lost,
        AttemptState::Cancelled => Stage::Cancelled,
    }
}

/// The card of an attempt in the history; of one that is on the rig now, the live card is newer.
#[must_use]
pub fn past(attempt: PastAttempt) -> JobCard {
    let PastAttempt {
        attempt,
        job,
        title,
        image,
        earns_per_hour,
        stage: reached,
        outcome,
        running_ms,
        log_bytes,
        accepted_ms,
        ended_ms,
        settled,
        reason,
        credit,
        customer,
    } = attempt;
    let state = settled.or_else(|| outcome.as_ref().map(crate::duty::final_state)).unwrap_or(reached);
    let (own_reason, detail) = outcome.as_ref().map_or((None, None), explain);
    let reason = reason.or(own_reason);
    let (result_files, result_bytes) = result(outcome.as_ref());
    let earned = if settled.is_some() { credit } else { ledger::pending(earns_per_hour, running_ms, outcome.as_ref()) };
    JobCard {
        attempt,
        job,
        title,
        image,
        stage: stage(state),
        reason,
        reason_text: reason.map(|reason| sentence(reason, detail.filter(|_| Some(reason) == own_reason))),
        started_ms: accepted_ms,
        ended_ms,
        running_ms,
        timeout_ms: None,
        permille: None,
        earns_per_hour,
        earned,
        confirmed: settled.is_some(),
        result_files,
        result_bytes,
        log_bytes,
        gpus: Vec::new(),
        customer: customer.map(|customer| customer.to_string()),
    }
}

/// How many files a result has, and their bytes.
fn result(outcome: Option<&Outcome>) -> (Option<u32>, Option<u64>) {
    let Some(Outcome::Succeeded { outputs }) = outcome else { return (None, None) };
    let bytes = outputs.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    (u32::try_from(outputs.len()).ok(), Some(bytes))
}

fn explain(outcome: &Outcome) -> (Option<Reason>, Option<&str>) {
    match outcome {
        Outcome::Succeeded { .. } => (None, None),
        Outcome::Failed { reason, detail, .. } => (Some(*reason), detail.as_deref()),
        Outcome::Yielded { reason } | Outcome::Cancelled { reason } => (Some(*reason), None),
    }
}

/// The reason for the owner. The protocol's sentences speak to the customer; where the two differ, ours wins.
fn sentence(reason: Reason, detail: Option<&str>) -> String {
    let plain = if reason == Reason::CancelledByCustomer { "The customer cancelled the job." } else { reason.sentence() };
    detail.map_or_else(|| plain.to_owned(), |detail| format!("{plain} {detail}"))
}
