//! NVIDIA cards by the driver's own interface (CUDA's *driver* API): what a portable interface does not reach of them.
//!
//! Only the vendor's graphics driver is needed. It is found at run time, and a PC without it is an answer, not an error. The
//! kernels are PTX texts in this binary that the driver translates for its card; `kernels` says which and how they are made.
//! Everything here runs on the thread that asks, and blocks it. A driver may crash the process that calls it: whoever cannot
//! afford that calls from a child process.
//!
//! This module offers kernels and checks what they compute (`seam`); what is measured, for how long, and when it is believed is the
//! suite's to decide.

use std::{cell::OnceCell, ffi::OsStr, rc::Rc};

use headframe_protocol::benchmark::{Card, Figure};

mod error;
mod driver;
mod context;
mod memory;
mod module;
mod device;
mod numbers;
mod kernels;
mod session;
mod runs;
mod claims;
mod seam;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use claims::Claims;
use context::Context;
use driver::Driver;
use kernels::Generation;
use runs::{
    Run,
    copies::{Copies, Direction},
    fma::Fma,
    gemm::Gemm,
    group_peak::GroupPeak,
    peak::Peak,
    traffic::Traffic,
};
use session::Session;

use super::device::DeviceError;

pub use device::Facts;
pub use error::{Code, CudaError};
pub use kernels::Kernel;

/// The CUDA driver of this PC.
pub struct Cuda {
    driver: Rc<Driver>,
}

impl Cuda {
    /// Finds the driver. `None` where there is none, or none with a device.
    ///
    /// # Errors
    /// If the driver is too old or does not start.
    pub fn find() -> Result<Option<Self>, CudaError> {
        Self::load(OsStr::new(driver::LIBRARY))
    }

    fn load(library: &OsStr) -> Result<Option<Self>, CudaError> {
        Ok(Driver::find(library)?.map(|driver| Self { driver }))
    }

    /// Every device that this process may see, in the driver's order. Nothing is taken from them yet.
    ///
    /// # Errors
    /// If the driver does not describe one.
    pub fn devices(&self) -> Result<Vec<Device>, CudaError> {
        device::ordinals(&self.driver)?
            .into_iter()
            .map(|ordinal| {
                let facts = Facts::of(&self.driver, ordinal)?;
                let sizes = Sizes::of(&facts);
                let (claims, session) = (Claims::default(), OnceCell::new());
                Ok(Device { driver: Rc::clone(&self.driver), ordinal, facts, sizes, claims, session })
            })
            .collect()
    }

    /// The cards that are in none of `known` and have kernels here: in a container without Vulkan nobody else shows them.
    ///
    /// # Errors
    /// If the driver does not describe one.
    pub fn more_cards(&self, known: &[Card]) -> Result<Vec<Card>, CudaError> {
        let is_more = |facts: &Facts| Generation::of(facts.capability).is_some() && !known.iter().any(|card| facts.may_be(card));
        let devices = self.devices()?;
        Ok(devices.iter().map(Device::facts).filter(|facts| is_more(facts)).map(Facts::card).collect())
    }

    /// The device that is this card, with its kernels translated, which takes seconds the first time. `None` if the driver does not
    /// show the card.
    ///
    /// # Errors
    /// [`CudaError::OldCard`]; [`CudaError::Refused`] where the driver does not translate the kernels; or whatever else it answers.
    pub fn open(&self, card: &Card) -> Result<Option<Device>, CudaError> {
        let found = self.devices()?.into_iter().find(|device| device.facts.is_of(card));
        if let Some(device) = &found {
            device.session()?.translate()?;
        }
        Ok(found)
    }
}

/// How much a device is given to do.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// Rows of a matrix.
    side: u32,
    /// Each of the two buffers that are read and written, and the pieces they are gone through in.
    traffic_bytes: u64,
    chunk_bytes: u64,
    /// What is copied over the bus at a time.
    transfer_bytes: u64,
}

impl Sizes {
    /// Matrices that take a good part of a second on the device, and buffers that are eight times its cache or more.
    fn of(facts: &Facts) -> Self {
        const GIB: u64 = 1 << 30;
        let side = match facts.memory_bytes {
            bytes if bytes < 4 * GIB || facts.multiprocessors < 30 => 4096,
            bytes if bytes < 32 * GIB || facts.multiprocessors < 100 => 8192,
            _ => 16_384,
        };
        let cached = (8 * facts.cache_bytes.unwrap_or(0)).next_multiple_of(64 << 20);
        let traffic_bytes = cached.max(512 << 20).min(facts.memory_bytes / 8).next_multiple_of(16 << 20);
        Self { side, traffic_bytes, chunk_bytes: 16 << 20, transfer_bytes: 256 << 20 }
    }
}

/// One device.
pub struct Device {
    driver: Rc<Driver>,
    ordinal: i32,
    facts: Facts,
    sizes: Sizes,
    claims: Claims,
    session: OnceCell<Session>,
}

impl Device {
    /// What it says of itself.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Opens the device, once.
    fn session(&self) -> Result<&Session, CudaError> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        let capability = self.facts.capability;
        let generation = Generation::of(capability).ok_or(CudaError::OldCard { capability })?;
        let context = Context::of(&self.driver, self.ordinal)?;
        let session = Session::new(context, generation, self.facts.multiprocessors)?;
        Ok(self.session.get_or_init(|| session))
    }

    fn run<'s>(&self, session: &'s Session, figure: Figure) -> Result<Box<dyn Run + 's>, DeviceError> {
        let Sizes { side, traffic_bytes, chunk_bytes, transfer_bytes } = self.sizes;
        let kernel = match (figure, Kernel::of(figure)) {
            (_, Some(kernel)) => kernel,
            (Figure::Upload, None) => return Ok(Box::new(Copies::new(session, Direction::Up, transfer_bytes)?)),
            (Figure::Download, None) => return Ok(Box::new(Copies::new(session, Direction::Down, transfer_bytes)?)),
            (other, None) => return Err(DeviceError::Refused(format!("no CUDA kernel for {}", other.words()))),
        };
        Ok(match kernel {
            Kernel::FmaF32 => Box::new(Fma::new(session)?),
            Kernel::PeakF16 | Kernel::PeakBf16 | Kernel::PeakI8 => match session.tensor_cores() {
                Generation::Hopper => Box::new(GroupPeak::new(session, kernel)?),
                Generation::Turing | Generation::Ampere => Box::new(Peak::new(session, kernel)?),
            },
            Kernel::GemmF32 | Kernel::GemmF16 | Kernel::GemmBf16 | Kernel::GemmI8 => Box::new(Gemm::new(session, kernel, side)?),
            Kernel::Read | Kernel::Copy | Kernel::Write => Box::new(Traffic::new(session, kernel, traffic_bytes, chunk_bytes)?),
        })
    }
}
