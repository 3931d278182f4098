//! What a probe is, and one for tests.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Measures one thing about the owner or his PC. Judges nothing.
pub trait IdleProbe: Send {
    /// For people, such as `X11 input`.
    fn name(&self) -> &'static str;

    /// How often it is worth asking. Whoever comes back notices half a second, not a quarter.
    fn every(&self) -> Duration {
        Duration::from_millis(250)
    }

    /// What it sees now. A probe that lost its source tries to find it again at its own pace.
    ///
    /// # Errors
    /// [`ProbeError`] says why nothing can be measured.
    fn read(&mut self) -> Result<Sign, ProbeError>;
}

/// What a probe has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// How long ago keyboard, mouse or gamepad were used.
    Input(Duration),
    /// How the owner's session is.
    Session {
        /// The screen is locked.
        locked: bool,
        /// It is used from afar.
        remote: bool,
    },
    /// Whether the PC runs on a battery or a UPS.
    OnBattery(bool),
    /// Whether the connection is metered.
    Metered(bool),
    /// How hot the processor is, in degrees Celsius.
    Heat(i16),
    /// How much of all cores programs use that are not ours, in percent.
    OtherLoad(u8),
    /// What runs, by the system's names.
    Programs(BTreeSet<String>),
    /// Whether a window of the owner fills a screen.
    Fullscreen(bool),
    /// What the graphics cards do beside jobs.
    Gpus(Vec<GpuUse>),
}

/// What a graphics card does beside jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuUse {
    /// The driver's UUID.
    pub uuid: String,
    /// Model name, for people.
    pub model: String,
    /// How hot it is, in degrees Celsius.
    pub celsius: Option<i16>,
    /// Programs on it that are not jobs.
    pub others: Vec<GpuProgram>,
}

/// A program of the owner that uses a graphics card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuProgram {
    /// By the system's name.
    pub name: String,
    /// Memory of the card it holds, in MiB; 0 where the driver does not tell.
    pub memory_mib: u32,
    /// How much of the card's processor it uses, in percent; 0 where the driver does not tell.
    pub load_percent: u8,
}

/// Why a probe measures nothing, in words for the owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// This PC has nothing of the kind. Shown, and no reason to wait.
    #[error("{0}")]
    Absent(String),
    /// It should work and does not. The owner's side is taken.
    #[error("{0}")]
    Broken(String),
}

/// What a probe said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which probe.
    pub name: &'static str,
    /// What it sees, or why it sees nothing.
    pub says: Result<Sign, ProbeError>,
}

/// A probe that says what a test tells it to.
#[derive(Debug, Clone)]
pub struct FakeProbe(Arc<Mutex<Result<Sign, ProbeError>>>);

impl FakeProbe {
    /// An owner who has touched nothing for this long.
    #[must_use]
    pub fn new(idle: Duration) -> Self {
        Self::seeing(Sign::Input(idle))
    }

    /// Begins with this.
    #[must_use]
    pub fn seeing(sign: Sign) -> Self {
        Self(Arc::new(Mutex::new(Ok(sign))))
    }

    /// The owner has touched nothing for this long.
    pub fn set(&self, idle: Duration) {
        self.say(Ok(Sign::Input(idle)));
    }

    /// Says this from now on.
    pub fn say(&self, sign: Result<Sign, ProbeError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sign;
    }
}

impl IdleProbe for FakeProbe {
    fn name(&self) -> &'static str {
        "Test"
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
