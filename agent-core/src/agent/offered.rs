//! What of this PC is offered: what there is, within what the owner gives.

use headframe_protocol::{
    Micros, Sha256,
    rig::{GPUS_MAX, GpuReport, IMAGES_MAX, Os, Refusals, RigReport},
};

use super::measuring::Scores;
use crate::{
    duty::Capacity,
    idle::{Gate, Terms},
    runner::{EgressCaps, RunnerConfig},
    settings::Settings,
    telemetry::{GpuFacts, GpuReading, Hardware},
};

const GIB: u64 = 1 << 30;

/// What is measured of the cards' draw is rounded up to this.
const WATTS_STEP: u64 = 25;

/// The most of a place on a bus or a version of a driver that is reported: what a coordinator takes.
const TEXT_BYTES_SHORT: usize = 32;

/// The offer of this rig, as far as it does not change.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    name: String,
    cpu_model: String,
    cpu_cores: u16,
    memory_bytes: u64,
    disk_bytes_max: u64,
    floor_per_hour: Micros,
    gpus: u8,
    terms: Terms,
    /// It is offered to a network of practice.
    practice: bool,
    /// The most the cards drew in jobs of this life, in watts.
    measured_watts: Option<u32>,
}

impl Offered {
    pub(super) fn new(settings: &Settings, hardware: &Hardware, terms: Terms) -> Self {
        let given = |limit: u16, all: u16| if limit == 0 { all } else { limit.min(all) };
        let name = if settings.rig.name.is_empty() { &hardware.host_name } else { &settings.rig.name };
        Self {
            name: name.chars().filter(|c| !c.is_control()).take(80).collect(),
            cpu_model: hardware.cpu_model.clone(),
            cpu_cores: given(settings.limits.cpu_cores, hardware.cpu_cores),
            memory_bytes: settings.limits.memory_bytes(hardware.memory_bytes),
            disk_bytes_max: u64::from(settings.limits.disk_gib) * GIB,
            floor_per_hour: settings.rig.floor_per_hour,
            gpus: u8::try_from(hardware.gpus.len().min(GPUS_MAX)).unwrap_or(u8::MAX),
            terms,
            practice: settings.coordinator.practice,
            measured_watts: None,
        }
    }

    pub(super) const fn is_practice(&self) -> bool {
        self.practice
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn capacity(&self) -> Capacity {
        Capacity {
            slots: self.gpus.max(1),
            gpus: self.gpus,
            cpu_cores: self.cpu_cores,
            memory_bytes: self.memory_bytes,
            disk_bytes: self.disk_bytes_max,
        }
    }

    /// The owner's rules want this of an hour.
    pub(super) const fn set_terms(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// What a kilowatt-hour costs now, if the owner has said.
    pub(super) const fn price_per_kwh(&self) -> Option<Micros> {
        self.terms.price_per_kwh
    }

    /// The cards draw this much while a job runs. The most counts, in coarse steps: each change is a message to the coordinator.
    pub(super) fn drew(&mut self, gpus: &[GpuReading]) {
        let told = gpus.iter().filter_map(|gpu| gpu.power_milliwatts).map(u64::from);
        let watts = told.sum::<u64>().div_ceil(1_000).div_ceil(WATTS_STEP).saturating_mul(WATTS_STEP);
        let watts = u32::try_from(watts).ok().filter(|watts| *watts > 0);
        self.measured_watts = self.measured_watts.max(watts);
    }

    /// What an hour must bring by the owner's rules.
    pub(super) fn gate(&self) -> Option<Gate> {
        self.terms.gate(self.measured_watts)
    }

    /// The rig as the coordinator matches it, with the cards that may be worked on now.
    pub(super) fn report(
        &self,
        engine: &str,
        (usable, scores): (&[&GpuReading], &Scores),
        images: &[Sha256],
        disk_free_bytes: Option<u64>,
        (egress, refuses): (Option<EgressCaps>, &Refusals),
    ) -> RigReport {
        let free = disk_free_bytes.unwrap_or(0).saturating_sub(RunnerConfig::DISK_RESERVE_BYTES);
        RigReport {
            name: self.name.clone(),
            os: Os::current(),
            cpu_cores: self.cpu_cores,
            cpu_model: self.cpu_model.clone(),
            memory_bytes: self.memory_bytes,
            // Whole GiB: matching needs no finer, and each change of this is a message.
            disk_bytes: free.min(self.disk_bytes_max) / GIB * GIB,
            gpus: usable.iter().take(GPUS_MAX).map(|gpu| card(gpu, scores)).collect(),
            floor_per_hour: self.gate().map_or(self.floor_per_hour, |gate| gate.floor_per_hour.max(self.floor_per_hour)),
            slots: u8::try_from(usable.len().clamp(1, GPUS_MAX)).unwrap_or(1),
            images: images.iter().take(IMAGES_MAX).copied().collect(),
            engine: engine.chars().take(200).collect(),
            egress_bytes_max: egress.map_or(0, |caps| caps.bytes_per_attempt),
            refuses: refuses.clone(),
        }
    }
}

/// Its score is what this PC has measured: what it is worth to others, a challenge must say.
fn card(gpu: &GpuReading, scores: &Scores) -> GpuReport {
    let plain = |text: &str| text.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let short = |text: &String| text.chars().filter(char::is_ascii_graphic).take(TEXT_BYTES_SHORT).collect();
    let GpuFacts { compute_capability, pci_bus_id, power_limit_w, driver } = &gpu.facts;
    GpuReport {
        uuid: plain(&gpu.uuid),
        model: plain(&gpu.model),
        vendor: gpu.vendor,
        vram_bytes: gpu.vram_bytes,
        fu: scores.get(&gpu.uuid).copied().unwrap_or(0),
        compute_capability: *compute_capability,
        pci_bus_id: pci_bus_id.as_ref().map(short),
        power_limit_w: *power_limit_w,
        driver: driver.as_ref().map(short),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use headframe_protocol::rig::ComputeCapability;

    use super::*;

    fn offered() -> Offered {
        let settings = Settings::load(Path::new("/nowhere")).expect("the defaults");
        let hardware = Hardware {
            host_name: "cellar".to_owned(),
            cpu_model: "a processor".to_owned(),
            cpu_cores: 8,
            memory_bytes: 16 << 30,
            gpus: Vec::new(),
        };
        Offered::new(&settings, &hardware, Terms::default())
    }

    fn card(power_milliwatts: Option<u32>) -> GpuReading {
        GpuReading { power_milliwatts, ..GpuReading::named("GPU-1", "a card") }
    }

    #[test]
    fn a_report_has_what_the_driver_tells_and_nothing_in_place_of_what_it_does_not() {
        let facts = GpuFacts {
            compute_capability: ComputeCapability::new(8, 9),
            pci_bus_id: Some("00000000:01:00.0".to_owned()),
            power_limit_w: Some(450),
            driver: Some(format!("570.124.06\n{}", "0".repeat(90))),
        };
        let told = GpuReading { facts, ..card(None) };
        let report = offered().report("", (&[&told, &card(None)], &Scores::new()), &[], None, (None, &Refusals::default()));
        assert!(report.problems().is_empty(), "{:?}", report.problems());
        let [told, untold] = report.gpus.as_slice() else { panic!("{report:?}") };
        assert_eq!((told.compute_capability, told.power_limit_w), (ComputeCapability::new(8, 9), Some(450)));
        assert_eq!(told.pci_bus_id.as_deref(), Some("00000000:01:00.0"));
        assert!(told.driver.as_deref().is_some_and(|driver| driver.starts_with("570.124.060") && driver.len() == 32));
        assert_eq!((&untold.pci_bus_id, &untold.driver, untold.power_limit_w), (&None, &None, None));
    }

    #[test]
    fn the_cards_that_may_be_worked_on_are_the_slots() {
        let offered = offered();
        let (one, other) = (card(None), GpuReading { uuid: "GPU-2".to_owned(), ..card(None) });
        let report = offered.report(
            "",
            (&[&one, &other], &Scores::from([("GPU-2".to_owned(), 900)])),
            &[],
            None,
            (None, &Refusals::default()),
        );
        assert_eq!((report.gpus.len(), report.slots), (2, 2));
        assert_eq!(report.gpus.iter().map(|gpu| gpu.fu).collect::<Vec<_>>(), [0, 900], "the first was not measured yet");
        assert!(report.problems().is_empty(), "{:?}", report.problems());
        let without = offered.report("", (&[], &Scores::new()), &[], None, (None, &Refusals::default()));
        assert_eq!((without.gpus.len(), without.slots), (0, 1), "then it is a rig of the class `cpu`");
    }

    fn asks(offered: &Offered) -> i64 {
        offered.report("", (&[], &Scores::new()), &[], None, (None, &Refusals::default())).floor_per_hour.get()
    }

    #[test]
    fn a_rig_asks_for_its_power_and_never_for_less_than_its_settings() {
        let mut offered = offered();
        assert_eq!(asks(&offered), 50_000);
        let terms = |watts, net| Terms { price_per_kwh: Some(Micros::new(300_000)), watts, min_net_per_hour: Micros::new(net) };
        offered.set_terms(terms(Some(500), 30_000));
        assert_eq!(asks(&offered), 180_000);
        offered.set_terms(terms(Some(10), 0));
        assert_eq!(asks(&offered), 50_000);
        offered.set_terms(terms(None, 1_000_000));
        assert_eq!(asks(&offered), 1_000_000, "what is to be left is asked for, whatever power costs");
        offered.set_terms(terms(None, 0));
        assert_eq!(asks(&offered), 50_000, "what is not known is not asked for");
    }

    #[test]
    fn what_the_cards_draw_is_taken_at_its_most_and_in_steps() {
        let mut offered = offered();
        offered.set_terms(Terms { price_per_kwh: Some(Micros::new(1_000_000)), watts: None, min_net_per_hour: Micros::ZERO });
        offered.drew(&[card(None)]);
        assert_eq!(offered.gate(), None, "a card that does not tell draws nothing that is known");
        offered.drew(&[card(Some(201_000)), card(None), card(Some(100_000))]);
        assert_eq!(offered.gate().map(|gate| gate.power_per_hour), Some(Micros::new(325_000)));
        offered.drew(&[card(Some(20_000))]);
        assert_eq!(offered.gate().map(|gate| gate.power_per_hour), Some(Micros::new(325_000)));
    }
}
