//! What can go wrong with a card, in the driver's own names.

use std::{ffi::c_int, fmt};

use super::Kernel;
use crate::benchmark::device::DeviceError;

/// A driver's answer that is not success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The number, as `cuda.h` has it.
    pub number: i32,
    /// Its name there; absent if this driver has none for it.
    pub name: Option<String>,
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(out, "{name} ({})", self.number),
            None => write!(out, "error {}", self.number),
        }
    }
}

/// Why a card was not measured.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// The driver is older than what we call.
    #[error("the CUDA driver has no {function}; it is older than these measurements need")]
    TooOld {
        /// The function that is missing.
        function: &'static str,
        /// What the system's loader said.
        #[source]
        source: libloading::Error,
    },
    /// One call failed and the device is still there.
    #[error("{function} answered {code}")]
    Call {
        /// The driver's function.
        function: &'static str,
        /// Its answer.
        code: Code,
    },
    /// The device, or our share of it, is gone: a reset by the driver, a fault of a kernel, an unplugged card. What this process
    /// asks of it from now on fails too; a new process may try again.
    #[error("the device was lost: {function} answered {code}")]
    DeviceLost {
        /// The driver's function that noticed.
        function: &'static str,
        /// Its answer.
        code: Code,
    },
    /// The driver does not translate our kernels.
    #[error("the driver refused the kernels `{module}` with {code}: {log}")]
    Refused {
        /// Which kernels.
        module: &'static str,
        /// The driver's answer.
        code: Code,
        /// What its translator complained about; often empty.
        log: String,
    },
    /// This device has no such kernel.
    #[error("this device cannot run {kernel}")]
    Unsupported {
        /// The kernel.
        kernel: Kernel,
    },
    /// The card was built before what our kernels need.
    #[error("the card is too old for these kernels: its compute capability is {}.{}", capability.0, capability.1)]
    OldCard {
        /// What it says it can do.
        capability: (u32, u32),
    },
}

/// `CUDA_ERROR_OUT_OF_MEMORY`.
const OUT_OF_MEMORY: c_int = 2;

impl CudaError {
    /// Whether the device has no room for what was asked.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Call { code, .. } if code.number == OUT_OF_MEMORY)
    }
}

impl From<CudaError> for DeviceError {
    fn from(error: CudaError) -> Self {
        match error {
            error if error.is_out_of_memory() => Self::OutOfMemory,
            CudaError::DeviceLost { function, code } => Self::Lost(format!("{function} answered {code}")),
            error => Self::Refused(error.to_string()),
        }
    }
}

/// Whether an answer means that the context is dead. After `cuda.h`, whose comments say of these that "the context cannot be
/// used" or "the process must be terminated": deinitialized, unavailable, uncorrectable ECC, NVLink, everything about running
/// kernels but a launch that asked for too much (701), and the unknown.
pub(super) const fn is_loss(number: c_int) -> bool {
    matches!(number, 4 | 46 | 201 | 214 | 220 | 226 | 700 | 702 | 709 | 710 | 714..=719 | 721 | 999)
}
