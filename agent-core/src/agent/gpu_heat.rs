//! How hot the graphics cards are, from what is measured for the window anyway.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    idle::{IdleProbe, Part, ProbeError, Sign},
    telemetry::Load,
};

/// The hottest card counts.
pub(super) struct GpuHeat(watch::Receiver<Load>);

impl GpuHeat {
    pub(super) const fn new(load: watch::Receiver<Load>) -> Self {
        Self(load)
    }
}

impl IdleProbe for GpuHeat {
    fn name(&self) -> &'static str {
        "Graphics card heat"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        let hottest = self.0.borrow().gpus.iter().filter_map(|gpu| gpu.temperature_c).max();
        let hottest = hottest.ok_or_else(|| ProbeError::Absent("no graphics card tells its heat".to_owned()))?;
        Ok(Sign::Heat(Part::Gpu, i16::from(hottest)))
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::rig::GpuVendor;

    use super::*;
    use crate::telemetry::GpuReading;

    #[test]
    fn the_hottest_card_counts_and_one_that_does_not_tell_is_not_there() {
        let card = |temperature_c| GpuReading {
            uuid: "GPU-1".to_owned(),
            model: "a card".to_owned(),
            vendor: GpuVendor::Nvidia,
            vram_bytes: 1,
            vram_used_bytes: 0,
            temperature_c,
            fan_percent: None,
            power_milliwatts: None,
            load_percent: None,
        };
        let (sender, load) = watch::channel(Load { gpus: vec![card(None)], ..Load::default() });
        let mut probe = GpuHeat::new(load);
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))));
        sender.send(Load { gpus: vec![card(Some(61)), card(None), card(Some(88))], ..Load::default() }).expect("it listens");
        assert_eq!(probe.read(), Ok(Sign::Heat(Part::Gpu, 88)));
    }
}
