//! Places at which a test may end the process as `kill -9` would. Without the feature `testing` they are nothing.

/// The environment variable naming the point at which the process aborts.
#[cfg(feature = "testing")]
const ABORT_AT: &str = "HEADFRAME_TEST_ABORT_AT";

/// A point called `name`: `claim`, `capture` or `promote`, each inside its transaction, or `…_committed` just after it.
#[cfg(feature = "testing")]
pub(crate) fn point(name: &'static str) {
    #[cfg(test)]
    if BREAK_AT.with(|at| at.get() == Some(name)) {
        BREAK_AT.with(|at| at.set(None));
        std::panic::resume_unwind(Box::new(Broken));
    }
    if std::env::var(ABORT_AT).is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing, in builds that are not for tests.
#[cfg(not(feature = "testing"))]
pub(crate) const fn point(_name: &'static str) {}

#[cfg(test)]
thread_local! {
    static BREAK_AT: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// What unwinds from the point a unit test has named: everything since is as if the process had ended there.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Broken;

/// Names the point at which this thread breaks off, once.
#[cfg(test)]
pub(crate) fn break_at(name: Option<&'static str>) {
    BREAK_AT.with(|at| at.set(name));
}
