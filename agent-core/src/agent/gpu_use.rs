//! What the graphics cards do beside jobs, from what is measured for the window anyway.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    idle::{GpuProgram, GpuUse, IdleProbe, ProbeError, Sign},
    telemetry::{GpuReading, Load},
};

/// All cards.
struct Gpus(watch::Receiver<Load>);

/// Sees in `load` what the owner's programs do.
pub(super) fn probe(load: watch::Receiver<Load>) -> Box<dyn IdleProbe> {
    Box::new(Gpus(load))
}

impl IdleProbe for Gpus {
    fn name(&self) -> &'static str {
        "Graphics cards"
    }

    fn every(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        let load = self.0.borrow();
        if load.gpus.is_empty() {
            return Err(ProbeError::Absent("no graphics card tells what it does".to_owned()));
        }
        Ok(Sign::Gpus(load.gpus.iter().map(in_use).collect()))
    }
}

fn in_use(card: &GpuReading) -> GpuUse {
    let others = card.programs.iter().filter(|program| !program.is_ours).map(|program| GpuProgram {
        name: program.name.clone(),
        memory_mib: u32::try_from(program.vram_bytes.unwrap_or(0) >> 20).unwrap_or(u32::MAX),
        load_percent: program.load_percent.unwrap_or(0),
    });
    GpuUse {
        uuid: card.uuid.clone(),
        model: card.model.clone(),
        celsius: card.temperature_c.map(i16::from),
        others: others.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::GpuProcess;

    #[test]
    fn jobs_do_not_count_and_a_pc_without_cards_has_none() {
        let program =
            |name: &str, is_ours| GpuProcess { name: name.to_owned(), vram_bytes: Some(3 << 30), load_percent: None, is_ours };
        let programs = vec![program("train", true), program("game", false)];
        let card = GpuReading { programs, temperature_c: Some(61), ..GpuReading::named("GPU-1", "a card") };
        let (sender, load) = watch::channel(Load::default());
        let mut probe = probe(load);
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))));
        sender.send(Load { gpus: vec![card], ..Load::default() }).expect("it listens");
        let others = vec![GpuProgram { name: "game".to_owned(), memory_mib: 3_072, load_percent: 0 }];
        let seen = GpuUse { uuid: "GPU-1".to_owned(), model: "a card".to_owned(), celsius: Some(61), others };
        assert_eq!(probe.read(), Ok(Sign::Gpus(vec![seen])));
    }
}
