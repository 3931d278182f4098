//! What was measured of one graphics card, or of the processor, and what it is worth.
//!
//! A figure stands here only if the kernel behind it was found to compute the right thing. What a driver does not tell is absent, never zero.
//! Rates are whole numbers a second: operations (a fused multiply-add is two) or bytes (read and written both count). `docs/benchmark.md`
//! says how each is measured, `docs/frame-units.md` how a score is made of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{TimestampMs, rig::GpuVendor};

mod frame_units;

pub use frame_units::{REFERENCE, Scored, frame_units, milli_units_per_watt};

/// The version of kernels, method and weights. Results of different versions are not compared; a new one is measured anew.
pub const BENCHMARK_VERSION: u32 = 2;

/// One measurement of one card or of the processor, as it is kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Benchmark {
    /// The [`BENCHMARK_VERSION`] it was measured by.
    pub version: u32,
    /// The agent that measured.
    pub agent: String,
    /// What was measured.
    pub subject: Subject,
    /// How it ended. Figures measured before an early end are kept.
    pub outcome: Outcome,
    /// When it began.
    pub began_ms: TimestampMs,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// What was measured and verified.
    pub measured: Vec<Measured>,
    /// What could not be measured, or was computed wrongly.
    pub failed: Vec<Failed>,
    /// Memory of the card that a program can really have, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub usable_vram_bytes: Option<u64>,
    /// What the card did meanwhile, where its driver tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub conditions: Option<Conditions>,
    /// The score; absent for what is not scored: software, the processor, and runs that did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub fu: Option<u32>,
    /// Thousandths of a Frame Unit per watt, where the driver tells the watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub milli_fu_per_watt: Option<u32>,
}

impl Benchmark {
    /// One that has ended so, with nothing measured yet, by `agent` of this version. It began at `began_ms` and took so long.
    #[must_use]
    pub fn without_figures(agent: &str, subject: Subject, outcome: Outcome, (began_ms, took): (TimestampMs, Duration)) -> Self {
        Self {
            version: BENCHMARK_VERSION,
            agent: agent.to_owned(),
            subject,
            outcome,
            began_ms,
            took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            measured: Vec::new(),
            failed: Vec::new(),
            usable_vram_bytes: None,
            conditions: None,
            fu: None,
            milli_fu_per_watt: None,
        }
    }

    /// What was measured of a figure, by the quickest way there was.
    #[must_use]
    pub fn best(&self, figure: Figure) -> Option<&Measured> {
        self.measured.iter().filter(|measured| measured.figure == figure).max_by_key(|measured| measured.burst.median)
    }

    /// Whether any figure scattered more than a quiet card's does.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        self.measured.iter().any(|measured| measured.noisy)
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Subject {
    /// A graphics card.
    Card(Card),
    /// The processor.
    Cpu(Cpu),
}

/// A graphics card as its drivers tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Card {
    /// What tells it from the PC's other cards: its place on the PCI bus, or else what the back end calls it.
    pub id: String,
    /// Its name, as the driver tells it.
    pub name: String,
    /// What kind of card.
    pub class: CardClass,
    /// Who made it, if it is one of those we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub vendor: Option<GpuVendor>,
    /// Where it sits, such as `0000:01:00.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub pci: Option<String>,
    /// The driver's UUID for it, the one that a rig reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub uuid: Option<String>,
    /// Its driver, with its version.
    pub driver: String,
    /// The power limit that holds, in milliwatts. The same card under another limit is another tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub power_limit_milliwatts: Option<u32>,
    /// The limit it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub power_limit_default_milliwatts: Option<u32>,
}

impl Card {
    /// Whether its owner lets it draw less than it was built for.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        let limits = self.power_limit_milliwatts.zip(self.power_limit_default_milliwatts);
        limits.is_some_and(|(limit, default)| limit < default)
    }

    /// Whether the card is of silicon and so may have a score.
    #[must_use]
    pub const fn is_scored(&self) -> bool {
        match self.class {
            CardClass::Discrete | CardClass::Integrated | CardClass::Virtual | CardClass::Other => true,
            CardClass::Software => false,
        }
    }
}

/// What kind of card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum CardClass {
    /// With memory of its own.
    Discrete,
    /// Shares the PC's memory.
    Integrated,
    /// A part of a card, lent by a virtual machine's host.
    Virtual,
    /// A program that computes on the processor as a card would. For tests.
    Software,
    /// The driver does not say.
    Other,
}

/// The processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Cpu {
    /// Its name, as the system tells it.
    pub model: String,
    /// Logical cores.
    pub cores: u16,
}

/// How a measurement ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Outcome {
    /// To its end.
    Done,
    /// Not begun: somebody else uses the card, and a figure would say nothing about it.
    InUse {
        /// Which program, where the driver tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        program: Option<String>,
    },
    /// The owner or the agent wanted the card back.
    Aborted,
    /// The driver took the card away while it computed this.
    DriverReset {
        /// What it computed.
        during: String,
        /// What the driver said.
        message: String,
    },
    /// The measuring program ended by itself: a crash of the driver, most likely.
    Crashed {
        /// What it did last.
        during: String,
        /// How it ended.
        message: String,
    },
    /// It took longer than it may.
    TimedOut {
        /// What it did last.
        during: String,
    },
}

/// One figure that was measured and whose result was right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Measured {
    /// What.
    pub figure: Figure,
    /// By which way: `vulkan`, `metal`, `dx12`, `cuda`, `threads`.
    pub way: String,
    /// What sums were kept in. Cards that are twice as quick with a small one are not to be compared with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub accumulator: Option<Accumulator>,
    /// For a moment, from warm.
    pub burst: Spread,
    /// Over seconds without a pause, for the figure that was chosen for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub sustained: Option<Spread>,
    /// It scattered more than it does on a card that nobody else uses.
    pub noisy: bool,
}

/// A rate, as many slices of time show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Spread {
    /// Half of the slices were quicker: operations or bytes a second.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub median: u64,
    /// One in ten was slower.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub p10: u64,
    /// One in ten was quicker.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub p90: u64,
    /// How many slices.
    pub slices: u32,
}

/// Something that was not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Failed {
    /// What.
    pub figure: Figure,
    /// By which way.
    pub way: String,
    /// Why.
    pub message: String,
}

/// What is measured. New ones are added at the end of their group; names never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Figure {
    /// Multiply-adds of single precision from registers: what the silicon can do at most.
    FmaFp32,
    /// The same in half precision, as vectors.
    FmaFp16,
    /// Matrix units on half precision, from registers.
    TensorFp16,
    /// Matrix units on bfloat16, from registers.
    TensorBf16,
    /// Matrix units on bytes, from registers.
    TensorInt8,
    /// A product of large matrices of single precision.
    GemmFp32,
    /// Of half precision.
    GemmFp16,
    /// Of bfloat16.
    GemmBf16,
    /// Of bytes.
    GemmInt8,
    /// Reading the card's memory.
    MemoryRead,
    /// Copying within it; bytes read and bytes written both count.
    MemoryCopy,
    /// Writing it.
    MemoryWrite,
    /// From pinned memory of the PC to the card.
    Upload,
    /// From the card to pinned memory of the PC.
    Download,
    /// The processor: whole numbers, all cores.
    CpuInteger,
    /// The processor: whole numbers, one core.
    CpuIntegerOneCore,
    /// The processor: single precision multiply-adds, all cores.
    CpuFloat,
    /// The PC's memory: copying by all cores; bytes read and written both count.
    CpuMemory,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Operations a second.
    Operations,
    /// Bytes a second.
    Bytes,
}

impl Figure {
    /// Every figure, in the order of a report.
    pub const ALL: [Self; 18] = [
        Self::FmaFp32,
        Self::FmaFp16,
        Self::TensorFp16,
        Self::TensorBf16,
        Self::TensorInt8,
        Self::GemmFp32,
        Self::GemmFp16,
        Self::GemmBf16,
        Self::GemmInt8,
        Self::MemoryRead,
        Self::MemoryCopy,
        Self::MemoryWrite,
        Self::Upload,
        Self::Download,
        Self::CpuInteger,
        Self::CpuIntegerOneCore,
        Self::CpuFloat,
        Self::CpuMemory,
    ];

    /// What an owner calls it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::FmaFp32 => "single-precision multiply-adds",
            Self::FmaFp16 => "half-precision multiply-adds",
            Self::TensorFp16 => "matrix units, half precision",
            Self::TensorBf16 => "matrix units, bfloat16",
            Self::TensorInt8 => "matrix units, bytes",
            Self::GemmFp32 => "single-precision product",
            Self::GemmFp16 => "half-precision product",
            Self::GemmBf16 => "bfloat16 product",
            Self::GemmInt8 => "byte product",
            Self::MemoryRead => "memory read",
            Self::MemoryCopy => "memory copy",
            Self::MemoryWrite => "memory write",
            Self::Upload => "PC to card",
            Self::Download => "card to PC",
            Self::CpuInteger => "whole numbers, all cores",
            Self::CpuIntegerOneCore => "whole numbers, one core",
            Self::CpuFloat => "single-precision multiply-adds, all cores",
            Self::CpuMemory => "memory copy, all cores",
        }
    }

    /// What its rate counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::FmaFp32
            | Self::FmaFp16
            | Self::TensorFp16
            | Self::TensorBf16
            | Self::TensorInt8
            | Self::GemmFp32
            | Self::GemmFp16
            | Self::GemmBf16
            | Self::GemmInt8
            | Self::CpuInteger
            | Self::CpuIntegerOneCore
            | Self::CpuFloat => Unit::Operations,
            Self::MemoryRead | Self::MemoryCopy | Self::MemoryWrite | Self::Upload | Self::Download | Self::CpuMemory => {
                Unit::Bytes
            }
        }
    }
}

/// What the sums of products are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Accumulator {
    /// Half precision.
    Fp16,
    /// Single precision.
    Fp32,
    /// Whole numbers of 32 bits.
    Int32,
}

/// What a card did while it was measured, as its driver tells. Absent is not told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Conditions {
    /// The median clock of its processors under load, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub clock_mhz: Option<u32>,
    /// The median clock of its memory under load, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub memory_clock_mhz: Option<u32>,
    /// The highest temperature, in °C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub temperature_c: Option<u32>,
    /// What it drew on average over the sustained part, in milliwatts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub milliwatts: Option<u32>,
    /// What held its clocks down at some moment; empty if nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub throttled: Option<Vec<Throttle>>,
    /// The generation of its PCI link under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub pcie_generation: Option<u32>,
    /// The lanes of its PCI link under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub pcie_lanes: Option<u32>,
}

/// What holds a card's clocks down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Throttle {
    /// The power limit.
    Power,
    /// Its temperature.
    Heat,
    /// The hardware itself: power supply, brake, or heat that the driver did not catch.
    Hardware,
    /// Clocks that somebody has set.
    Settings,
}

/// How far a measurement is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Progress {
    /// What happens now.
    pub stage: MeasureStage,
    /// Which figure is measured, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub figure: Option<Figure>,
    /// How much is done, in thousandths. Never falls.
    pub permille: u16,
    /// How much longer it takes, in milliseconds, by how it has gone so far.
    pub left_ms: u32,
}

/// The parts of a measurement, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum MeasureStage {
    /// Looking whether anybody else uses the card.
    Probe,
    /// What the silicon and the memory do for a moment.
    Burst,
    /// Products of large matrices.
    Product,
    /// To the card and back.
    Transfer,
    /// How much memory a program can have.
    Memory,
    /// One product without a pause.
    Sustained,
}
