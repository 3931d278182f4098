//! NVIDIA cards by the driver's own interface (CUDA's *driver* API): what a portable interface does not reach of them.
//!
//! Only the vendor's graphics driver is needed. It is found at run time, and a PC without it is an answer, not an error. The
//! kernels are PTX texts in this binary that the driver translates for its card; `kernels` says which and how they are made.
//! Everything here runs on the thread that asks, and blocks it. A driver may crash the process that calls it: whoever cannot
//! afford that calls from a child process.
//!
//! This module measures and checks what was computed; what a figure means and whether it is believed is decided elsewhere.

use std::{cell::OnceCell, ffi::OsStr, rc::Rc, sync::atomic::AtomicBool, time::Duration};

mod error;
mod driver;
mod context;
mod memory;
mod module;
mod device;
mod numbers;
mod kernels;
mod slices;
mod session;
mod runs;
mod transfers;
mod measured;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use context::Context;
use driver::Driver;
use kernels::Generation;
use runs::{Checked, Verdict, fma::Fma, gemm::Gemm, group_peak::GroupPeak, peak::Peak, traffic::Traffic};
use session::Session;
use slices::Slices;

pub use device::Facts;
pub use error::{Code, CudaError};
pub use kernels::Kernel;
pub use measured::{Clock, Measured};
pub use slices::Slice;
pub use transfers::{Transfers, UsableMemory};

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

    /// The version of CUDA that the driver speaks: `12040` for 12.4.
    ///
    /// # Errors
    /// If the driver does not say.
    pub fn version(&self) -> Result<u32, CudaError> {
        device::driver_version(&self.driver)
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
                Ok(Device { driver: Rc::clone(&self.driver), ordinal, facts, sizes, session: OnceCell::new() })
            })
            .collect()
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
    /// Blocks in which free memory is taken.
    block_bytes: u64,
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
        Self { side, traffic_bytes, chunk_bytes: 16 << 20, transfer_bytes: 256 << 20, block_bytes: 256 << 20 }
    }
}

/// One device.
pub struct Device {
    driver: Rc<Driver>,
    ordinal: i32,
    facts: Facts,
    sizes: Sizes,
    session: OnceCell<Session>,
}

impl Device {
    /// What it says of itself.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Runs a kernel for `budget` after some tenths of a second that warm the device up, in slices of at most 15 ms, and checks
    /// what it computed. Raising `abort` ends it within two slices. The first kernel of a kind is translated by the driver
    /// before that, which takes up to seconds and cannot be called off.
    ///
    /// # Errors
    /// [`CudaError::CalledOff`]; [`CudaError::Unsupported`] where the device lacks what the kernel uses; [`CudaError::Wrong`];
    /// [`CudaError::DeviceLost`], after which this process can do nothing more with the device; or the driver's refusal.
    pub fn measure(&self, kernel: Kernel, budget: Duration, abort: &AtomicBool) -> Result<Measured, CudaError> {
        let session = self.session(kernel)?;
        let mut run = self.run(session, kernel)?;
        let mut slices = Slices::new(&session.context, &session.stream, abort, run.as_ref());
        slices.settle(run.as_mut(), budget)?;
        run.poison(&session.stream)?;
        let timed = slices.time(run.as_mut(), budget)?;
        let verdict = run.check(session)?;
        judge(kernel, verdict)?;
        Ok(Measured::new(kernel, timed, verdict.checked))
    }

    /// The speed of the bus. Takes about a fifth of a second where it is fast.
    ///
    /// # Errors
    /// Like [`Self::measure`].
    pub fn transfers(&self, abort: &AtomicBool) -> Result<Transfers, CudaError> {
        let session = self.session(Kernel::Read)?;
        let (transfers, verdict) = transfers::transfers(session, self.sizes.transfer_bytes, abort)?;
        judge(Kernel::Copy, verdict)?;
        Ok(transfers)
    }

    /// Takes nearly all free memory, writes it, reads it back, and gives it back.
    ///
    /// # Errors
    /// Like [`Self::measure`].
    pub fn usable_memory(&self, abort: &AtomicBool) -> Result<UsableMemory, CudaError> {
        let session = self.session(Kernel::Read)?;
        let (usable, verdict) = transfers::usable(session, self.sizes.block_bytes, abort)?;
        judge(Kernel::Read, verdict)?;
        Ok(usable)
    }

    /// Opens the device, once.
    fn session(&self, kernel: Kernel) -> Result<&Session, CudaError> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        let generation = Generation::of(self.facts.capability).ok_or(CudaError::Unsupported { kernel })?;
        let context = Context::of(&self.driver, self.ordinal)?;
        let session = Session::new(context, generation, self.facts.multiprocessors)?;
        Ok(self.session.get_or_init(|| session))
    }

    fn run(&self, session: &Session, kernel: Kernel) -> Result<Box<dyn Checked>, CudaError> {
        let Sizes { side, traffic_bytes, chunk_bytes, .. } = self.sizes;
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

fn judge(kernel: Kernel, Verdict { checked, wrong }: Verdict) -> Result<(), CudaError> {
    if wrong > 0 { Err(CudaError::Wrong { kernel, wrong, checked }) } else { Ok(()) }
}
