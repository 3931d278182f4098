//! What a probe is, and one for tests.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Measures one sign of the owner.
pub trait IdleProbe: Send {
    /// For people, such as `X11 input`.
    fn name(&self) -> &'static str;

    /// How long ago the sign was last seen. Called several times a second; a probe that lost its source tries to find it
    /// again at its own pace.
    ///
    /// # Errors
    /// [`ProbeError`] says why nothing can be measured.
    fn read(&mut self) -> Result<Duration, ProbeError>;
}

/// Why a probe measures nothing, in words for the owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProbeError(pub String);

/// What a probe said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which probe.
    pub name: &'static str,
    /// How long ago the owner was last seen, or why that is not known.
    pub idle: Result<Duration, ProbeError>,
}

/// A probe that says what a test tells it to.
#[derive(Debug, Clone)]
pub struct FakeProbe(Arc<Mutex<Result<Duration, ProbeError>>>);

impl FakeProbe {
    /// Begins with `idle`.
    #[must_use]
    pub fn new(idle: Duration) -> Self {
        Self(Arc::new(Mutex::new(Ok(idle))))
    }

    /// Says this from now on.
    pub fn set(&self, idle: Result<Duration, ProbeError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = idle;
    }
}

impl IdleProbe for FakeProbe {
    fn name(&self) -> &'static str {
        "Test"
    }

    fn read(&mut self) -> Result<Duration, ProbeError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
