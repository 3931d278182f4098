//! Places at which a test may end the process as `kill -9` would. Without the feature `testing` they are nothing.

/// The environment variable naming the point at which the process aborts.
#[cfg(feature = "testing")]
const ABORT_AT: &str = "HEADFRAME_TEST_ABORT_AT";

/// A point called `name`: `claim`, `capture` or `promote`, each inside its transaction, or `…_committed` just after it.
#[cfg(feature = "testing")]
pub(crate) fn point(name: &'static str) {
    if std::env::var(ABORT_AT).is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing, in builds that are not for tests.
#[cfg(not(feature = "testing"))]
pub(crate) const fn point(_name: &'static str) {}
