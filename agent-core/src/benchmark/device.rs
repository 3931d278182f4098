//! The seam between what is measured and who computes it: anything that offers kernels. Kernels written for another library stand beside
//! these without the suite knowing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use headframe_protocol::benchmark::{Accumulator, Figure};

/// Why a kernel did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The driver took the card away. Nothing that was on it exists any more.
    #[error("the driver was reset: {0}")]
    Lost(String),
    /// Somebody wants the card back.
    #[error("it was asked to stop")]
    Stopped,
    /// There is no memory left for it.
    #[error("the card has too little memory for it")]
    OutOfMemory,
    /// It was computed, and wrongly.
    #[error("computed wrongly: {0}")]
    Wrong(String),
    /// The card or its driver refuses it.
    #[error("{0}")]
    Refused(String),
}

/// The wish to have the card back. Asked before every slice.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on nothing more is begun.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Goes on only if nobody wants the card back.
    ///
    /// # Errors
    /// [`DeviceError::Stopped`].
    pub fn check(&self) -> Result<(), DeviceError> {
        if self.0.load(Ordering::Relaxed) { Err(DeviceError::Stopped) } else { Ok(()) }
    }
}

/// One way to compute on one card.
pub trait Device {
    /// Its name in reports, such as `vulkan`.
    fn way(&self) -> &'static str;

    /// What it can measure. The suite takes each figure from the first device of a card that offers it.
    fn figures(&self) -> Vec<Figure>;

    /// What sums of this figure are kept in.
    fn accumulator(&self, figure: Figure) -> Option<Accumulator>;

    /// Makes everything ready for one figure: programs compiled, memory filled with what `seed` says, sizes chosen by how quick the card is.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn prepare(&mut self, figure: Figure, seed: u32, stop: &Stop) -> Result<Box<dyn Kernel + '_>, DeviceError>;

    /// The most memory that should be claimed, in bytes: all there is on a card with memory of its own, less where it is the PC's.
    fn claim_bytes_max(&self) -> u64;

    /// Takes one more block of memory, writes all of it and reads it back. Returns how quickly it was read, in bytes a second, or nothing if there is no more.
    ///
    /// # Errors
    /// [`DeviceError::Wrong`] if it did not hold what was written, and others.
    fn claim(&mut self, bytes: u64, seed: u32, stop: &Stop) -> Result<Option<u64>, DeviceError>;

    /// Looks again into every block claimed: a block that lies over another was overwritten by it.
    ///
    /// # Errors
    /// [`DeviceError::Wrong`] and others.
    fn recheck(&mut self, stop: &Stop) -> Result<(), DeviceError>;

    /// Gives all blocks back.
    fn release(&mut self);
}

/// One figure's work, ready to run. Work comes in steps, the least that can be handed to the card; a slice is so many of them.
pub trait Kernel {
    /// Operations or bytes of one step.
    fn step_work(&self) -> f64;

    /// The most steps one slice can have.
    fn steps_max(&self) -> u32;

    /// Computes once into poisoned memory and compares with the processor.
    ///
    /// # Errors
    /// [`DeviceError::Wrong`] and others.
    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError>;

    /// Hands a slice to the card and returns at once. At most two are waiting.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn submit(&mut self, steps: u32) -> Result<(), DeviceError>;

    /// Waits for the oldest slice. Returns how long the card says it took, where it says so credibly.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn wait(&mut self) -> Result<Option<Duration>, DeviceError>;
}
