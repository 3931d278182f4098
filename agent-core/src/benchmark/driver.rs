//! What the maker's driver tells of a card beside what the back end does: its UUID and power limits, who else uses it, and what it does
//! meanwhile. Where no driver tells, it is absent.

use headframe_protocol::benchmark::Card;

use super::{nvml, sensor::Sensor};
use crate::{
    idle::{Rules, rules::Gpus},
    telemetry::{self, GpuReading},
};

/// Adds to a card what its driver knows.
pub fn complete(card: &mut Card) {
    let Some(known) = card.pci.as_deref().and_then(nvml::known) else { return };
    let nvml::Known { uuid, power_limit_milliwatts, power_limit_default_milliwatts, driver } = known;
    card.uuid = uuid.or(card.uuid.take());
    card.power_limit_milliwatts = power_limit_milliwatts;
    card.power_limit_default_milliwatts = power_limit_default_milliwatts;
    if let Some(driver) = driver {
        card.driver = format!("NVIDIA {driver}");
    }
}

/// Something that reads the card while it is measured.
#[must_use]
pub fn sensor(card: &Card) -> Option<Box<dyn Sensor>> {
    card.pci.as_deref().and_then(nvml::sensor)
}

/// The program that uses the card so much that a figure would say nothing, if there is one and the driver tells. Judged as for working: by the
/// shipped rules.
#[must_use]
pub fn user(card: &Card) -> Option<String> {
    let uuid = card.uuid.as_deref()?;
    let cards = telemetry::platform_gpus(|process, _| process == std::process::id()).read();
    cards.iter().find(|reading| reading.uuid == uuid).and_then(|reading| heaviest(reading, &Rules::shipped().gpus))
}

fn heaviest(card: &GpuReading, rules: &Gpus) -> Option<String> {
    let Gpus { others_load_percent, others_memory_mib, .. } = rules;
    let others = card.programs.iter().filter(|program| !program.is_ours);
    let mut using = others.filter(|program| {
        let computes = *others_load_percent != 0 && program.load_percent.is_some_and(|percent| percent >= *others_load_percent);
        let bytes = u64::from(*others_memory_mib) << 20;
        computes || (bytes != 0 && program.vram_bytes.is_some_and(|held| held >= bytes))
    });
    using.next().map(|program| program.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::GpuProcess;

    #[test]
    fn a_game_uses_a_card_and_a_desktop_does_not() {
        let program = |name: &str, mib: u64, load_percent, is_ours| GpuProcess {
            name: name.to_owned(),
            vram_bytes: Some(mib << 20),
            load_percent,
            is_ours,
        };
        let with = |programs| GpuReading { programs, ..GpuReading::named("GPU-1", "a card") };
        let rules = Rules::shipped().gpus;
        let desktop = program("compositor", 50, Some(1), false);
        assert_eq!(heaviest(&with(vec![desktop.clone(), program("us", 9_000, Some(99), true)]), &rules), None);
        for game in [program("game", 6_000, None, false), program("game", 10, Some(95), false)] {
            assert_eq!(heaviest(&with(vec![desktop.clone(), game]), &rules).as_deref(), Some("game"));
        }
    }
}
