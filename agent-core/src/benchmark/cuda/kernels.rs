//! Which kernels there are, what of them runs on which generation of cards, and their texts.
//!
//! The sources are in `kernels/*.cu`; `cargo xtask kernels` compiles them to the PTX beside them, which is committed: neither a
//! build nor a rig needs the CUDA toolkit. PTX of one generation runs on all later ones, but for Hopper's own.

use std::{ffi::CStr, fmt};

use headframe_protocol::benchmark::Figure;

use super::numbers::Numbers;

/// What is measured. Rates are operations per second (a multiplication and an addition are two) or bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Fused multiply-adds of 32-bit floats out of registers.
    FmaF32,
    /// Tensor cores out of registers, halves summed in 32-bit floats. On GeForce cards half as fast as summed in halves.
    PeakF16,
    /// The same with bf16.
    PeakBf16,
    /// The same with bytes summed in 32-bit integers.
    PeakI8,
    /// A product of matrices of 32-bit floats, without the shortened formats of tensor cores.
    GemmF32,
    /// A product of matrices of halves, summed in 32-bit floats.
    GemmF16,
    /// A product of matrices of bf16, summed in 32-bit floats.
    GemmBf16,
    /// A product of matrices of bytes, exact in 32-bit integers.
    GemmI8,
    /// Reading the device's memory.
    Read,
    /// Copying within the device's memory; what is read and what is written both count.
    Copy,
    /// Writing the device's memory.
    Write,
}

impl Kernel {
    /// What a figure is measured by. Half-precision multiply-adds have no kernel here: the portable ones are as quick.
    pub(super) const fn of(figure: Figure) -> Option<Self> {
        Some(match figure {
            Figure::FmaFp32 => Self::FmaF32,
            Figure::TensorFp16 => Self::PeakF16,
            Figure::TensorBf16 => Self::PeakBf16,
            Figure::TensorInt8 => Self::PeakI8,
            Figure::GemmFp32 => Self::GemmF32,
            Figure::GemmFp16 => Self::GemmF16,
            Figure::GemmBf16 => Self::GemmBf16,
            Figure::GemmInt8 => Self::GemmI8,
            Figure::MemoryRead => Self::Read,
            Figure::MemoryCopy => Self::Copy,
            Figure::MemoryWrite => Self::Write,
            Figure::FmaFp16
            | Figure::Upload
            | Figure::Download
            | Figure::CpuInteger
            | Figure::CpuIntegerOneCore
            | Figure::CpuFloat
            | Figure::CpuMemory => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::FmaF32 => "fma_f32",
            Self::PeakF16 => "peak_f16",
            Self::PeakBf16 => "peak_bf16",
            Self::PeakI8 => "peak_i8",
            Self::GemmF32 => "gemm_f32",
            Self::GemmF16 => "gemm_f16",
            Self::GemmBf16 => "gemm_bf16",
            Self::GemmI8 => "gemm_i8",
            Self::Read => "read",
            Self::Copy => "copy",
            Self::Write => "write",
        }
    }

    /// What its factors are made of.
    pub(super) const fn numbers(self) -> Numbers {
        match self {
            Self::FmaF32 | Self::GemmF32 => Numbers::F32,
            Self::PeakF16 | Self::GemmF16 => Numbers::F16,
            Self::PeakBf16 | Self::GemmBf16 => Numbers::Bf16,
            Self::PeakI8 | Self::GemmI8 | Self::Read | Self::Copy | Self::Write => Numbers::Raw,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A generation of cards, as far as our kernels differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Compute capability 7.5.
    Turing,
    /// From 8.0 on: Ampere, Ada, Blackwell.
    Ampere,
    /// 9.0 alone: its own instructions are in no other generation.
    Hopper,
}

impl Generation {
    /// The generation of a compute capability; `None` if it is older than our kernels.
    pub(super) const fn of(capability: (u32, u32)) -> Option<Self> {
        match capability {
            (0..=6, _) | (7, 0..=4) => None,
            (7, _) => Some(Self::Turing),
            (9, 0) => Some(Self::Hopper),
            _ => Some(Self::Ampere),
        }
    }
}

/// Kernels that are translated together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    /// What they are called in errors.
    pub(super) name: &'static str,
    /// PTX.
    pub(super) ptx: &'static CStr,
}

macro_rules! text {
    ($name:literal) => {
        Text {
            name: $name,
            ptx: match CStr::from_bytes_with_nul(concat!(include_str!(concat!("kernels/", $name, ".ptx")), "\0").as_bytes()) {
                Ok(ptx) => ptx,
                Err(_) => panic!("PTX has no zero inside"),
            },
        }
    };
}

/// For every card.
pub(super) const BASE: Text = text!("base");
/// Tensor cores of Turing.
pub(super) const TURING: Text = text!("turing");
/// Tensor cores of Ampere and later.
pub(super) const AMPERE: Text = text!("ampere");
/// Tensor cores of Hopper.
pub(super) const HOPPER: Text = text!("hopper");
