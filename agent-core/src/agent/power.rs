//! What the cards draw while attempts run on them, on its way into the journal.

use std::{collections::HashMap, time::Duration};

use headframe_protocol::{Micros, control::Link, job::AttemptState, session::AttemptRef};

use crate::{
    duty::Held,
    meter::energy::{EnergyMeter, Look},
    store::{CardDrawn, Entry},
    telemetry::{GpuReading, Hardware},
};

/// An attempt whose container runs, and the slots of its cards.
pub(super) fn working(held: &Held) -> Option<(AttemptRef, Vec<u8>)> {
    (held.doing == AttemptState::Running && held.has_container()).then(|| (held.at(), held.cards()))
}

/// A meter for each card of each attempt that runs.
#[derive(Debug, Default)]
pub(super) struct Power {
    meters: HashMap<(AttemptRef, u8), (String, String, EnergyMeter)>,
}

impl Power {
    /// Looks at the cards, `at` a time on a clock that never goes back. A card counts for the attempt that has it, with what it would draw at
    /// rest: nobody can tell the two apart.
    pub(super) fn look(
        &mut self,
        working: impl Iterator<Item = (AttemptRef, Vec<u8>)>,
        (hardware, gpus): (&Hardware, &[GpuReading]),
        price_per_kwh: Option<Micros>,
        at: Duration,
    ) {
        for (attempt, slot) in working.flat_map(|(attempt, slots)| slots.into_iter().map(move |slot| (attempt, slot))) {
            let Some(known) = hardware.gpus.get(usize::from(slot)) else { continue };
            let reading = gpus.iter().find(|gpu| gpu.uuid == known.uuid);
            let (.., meter) = self
                .meters
                .entry((attempt, slot))
                .or_insert_with(|| (known.uuid.clone(), known.model.clone(), EnergyMeter::default()));
            meter.add(Look { at, milliwatts: reading.and_then(|gpu| gpu.power_milliwatts), price_per_kwh });
        }
    }

    /// `entry` as it is written, with what belongs beside it: what was drawn until a receipt or the end, and of whom an offer came.
    pub(super) fn with(&mut self, entry: Entry, link: &Link) -> Vec<Entry> {
        let beside = match &entry {
            Entry::Receipt { at, .. } => self.drawn(*at),
            Entry::Ended { at, .. } | Entry::Dropped { at, .. } => {
                let drawn = self.drawn(*at);
                self.meters.retain(|(attempt, _), _| attempt != at);
                drawn
            }
            Entry::Accepted(offer) => {
                let Link::Connected { network } = link else { return vec![entry] };
                let from = Entry::From { at: offer.at, network: network.clone() };
                return vec![entry, from];
            }
            Entry::Stage { .. }
            | Entry::Renewed { .. }
            | Entry::From { .. }
            | Entry::Drew { .. }
            | Entry::Parting { .. }
            | Entry::CheckpointSaved { .. }
            | Entry::CheckpointEnded(_)
            | Entry::Yielded { .. }
            | Entry::Settled(_)
            | Entry::Choice(_) => None,
        };
        beside.into_iter().chain([entry]).collect()
    }

    fn drawn(&mut self, at: AttemptRef) -> Option<Entry> {
        let of = self.meters.iter_mut().filter(|((attempt, _), _)| *attempt == at);
        let cards: Vec<CardDrawn> = of
            .map(|(_, (gpu, model, meter))| CardDrawn { gpu: gpu.clone(), model: model.clone(), drawn: meter.take() })
            .collect();
        (!cards.is_empty()).then_some(Entry::Drew { at, cards })
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{
        AttemptId,
        job::Reason,
        session::{Outcome, Settled},
    };

    use super::*;
    use crate::store::Drawn;

    fn hardware() -> Hardware {
        let gpus = vec![GpuReading::named("GPU-0", "first"), GpuReading::named("GPU-1", "second")];
        Hardware { host_name: String::new(), cpu_model: String::new(), cpu_cores: 1, memory_bytes: 0, gpus }
    }

    fn at() -> AttemptRef {
        AttemptRef { attempt: AttemptId::generate(), epoch: 1 }
    }

    #[test]
    fn each_attempt_is_told_what_its_own_cards_drew_and_no_watt_second_twice() {
        let (hardware, mut power, one, other) = (hardware(), Power::default(), at(), at());
        let mut gpus = hardware.gpus.clone();
        gpus[0].power_milliwatts = Some(300_000);
        let price = Some(Micros::new(360_000));
        for second in 0..=10 {
            let working = [(one, vec![0]), (other, vec![1])];
            power.look(working.into_iter(), (&hardware, &gpus), price, Duration::from_secs(second));
        }
        let drew = |at, gpu: &str, model: &str, drawn| Entry::Drew {
            at,
            cards: vec![CardDrawn { gpu: gpu.to_owned(), model: model.to_owned(), drawn }],
        };
        let drawn = Drawn { energy_millijoules: 3_000_000, measured_ms: 10_000, priced_ms: 10_000, cost: Micros::new(300) };
        let receipt = Entry::Receipt { at: one, sequence: 1, running_ms: 10_000 };
        assert_eq!(power.with(receipt.clone(), &Link::Connecting), [drew(one, "GPU-0", "first", drawn), receipt]);
        let ended = |at| {
            let outcome = Outcome::Yielded { reason: Reason::OwnerReturned };
            Entry::Ended { at, outcome, sequence: 1, running_ms: 10_000, log_bytes: 0, keep_for: None }
        };
        let (first, second) = (power.with(ended(one), &Link::Connecting), power.with(ended(other), &Link::Connecting));
        assert_eq!(first, [drew(one, "GPU-0", "first", Drawn::default()), ended(one)], "nothing is told twice");
        assert_eq!(second[0], drew(other, "GPU-1", "second", Drawn::default()), "which card it was is known all the same");
        assert_eq!(power.with(ended(one), &Link::Connecting), [ended(one)], "and then it is forgotten");
        let settled = Settled { at: one, state: AttemptState::Yielded, reason: None, credit: Micros::ZERO, paid_ms: 0 };
        assert_eq!(power.with(Entry::Settled(settled.clone()), &Link::Connecting), [Entry::Settled(settled)]);
    }
}
