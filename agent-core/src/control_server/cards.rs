//! What is known of the graphics cards beyond the present, and measuring one again.

use std::path::Path;

use headframe_protocol::{
    benchmark::{Benchmark, Subject},
    control::{Answer, CARD_BYTES_MAX, CardPage, CardView, ControlError, MeasureArgs},
    rig::GpuReport,
};

use super::{bad, unexpected};
use crate::{
    agent::Again,
    benchmark::shelf::Shelf,
    tasks::apart,
    telemetry::{GpuFacts, GpuReading},
};

/// The cards of this PC, as they were when the agent began.
#[derive(Debug)]
pub struct Cards {
    gpus: Vec<GpuReading>,
    again: Again,
}

impl Cards {
    /// These, of which some may be wanted measured `again`.
    pub(crate) fn new(gpus: &[GpuReading], again: Again) -> Self {
        Self { gpus: gpus.to_vec(), again }
    }

    pub(super) async fn page(&self, data_dir: &Path) -> Result<Answer, ControlError> {
        let dir = data_dir.to_owned();
        let broken_off = || unexpected(&std::io::Error::other("reading what was measured broke off"));
        let shelf = apart(move || Shelf::load(&dir)).await.ok_or_else(broken_off)?;
        let cards = self.gpus.iter().map(|gpu| self.view(gpu, &shelf)).collect();
        let processor = shelf.all().iter().rev().find(|one| matches!(one.subject, Subject::Cpu(_))).cloned();
        Ok(Answer::Cards { page: Box::new(CardPage { cards, processor }) })
    }

    /// It is measured once the PC is free, which may be much later.
    pub(super) async fn measure_again(&self, data_dir: &Path, MeasureArgs { gpu }: MeasureArgs) -> Result<Answer, ControlError> {
        if gpu.len() > CARD_BYTES_MAX || !self.gpus.iter().any(|known| known.uuid == gpu) {
            return Err(bad("There is no such card in this PC."));
        }
        self.again.ask(gpu);
        self.page(data_dir).await
    }

    fn view(&self, gpu: &GpuReading, shelf: &Shelf) -> CardView {
        let GpuFacts { compute_capability, pci_bus_id, power_limit_w, driver } = gpu.facts.clone();
        let tier = GpuReport {
            uuid: gpu.uuid.clone(),
            model: gpu.model.clone(),
            vendor: gpu.vendor,
            vram_bytes: gpu.vram_bytes,
            fu: 0,
            compute_capability,
            pci_bus_id: pci_bus_id.clone(),
            power_limit_w,
            driver: driver.clone(),
        }
        .tier();
        CardView {
            gpu: gpu.uuid.clone(),
            driver,
            pci: pci_bus_id,
            compute_capability: compute_capability.map(|capability| capability.to_string()),
            power_limit_w,
            tier,
            benchmark: newest(shelf, &gpu.uuid).cloned(),
            measure_wanted: self.again.is_wanted(&gpu.uuid),
        }
    }
}

/// What was measured of a card last, under whatever driver and limit: the window says of when and by what it is.
fn newest<'a>(shelf: &'a Shelf, uuid: &str) -> Option<&'a Benchmark> {
    shelf.all().iter().rev().find(|one| match &one.subject {
        Subject::Card(card) => card.uuid.as_deref() == Some(uuid),
        Subject::Cpu(_) => false,
    })
}
