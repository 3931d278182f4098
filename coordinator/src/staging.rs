//! How much each attempt has brought, so that no rig can fill the artifact store with what nobody asked for.
//!
//! Counted in RAM, per replica: after a restart or on another replica an attempt may bring its share again, which is
//! still a limit, and what is not part of an accepted result is swept away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use headframe_protocol::{AttemptId, session::OUTPUT_FILES_MAX};

/// Attempts remembered. Beyond it all are forgotten, which only lets them bring their share once more.
const ATTEMPTS_MAX: usize = 50_000;

/// What attempts have brought here.
#[derive(Debug, Clone, Default)]
pub struct Staging(Arc<Mutex<HashMap<AttemptId, Staged>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Staged {
    files: usize,
    bytes: u64,
    /// Of the customer's storage, reserved for them.
    covered: u64,
}

/// Room for a file on its way. Given back when dropped, also when the sender hangs up, unless the file has come.
#[derive(Debug)]
pub struct Share {
    staging: Staging,
    attempt: AttemptId,
    bytes: u64,
    come: bool,
}

impl Share {
    /// The file is here.
    pub fn keep(mut self) {
        self.come = true;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.come
            && let Some(staged) = self.staging.lock().get_mut(&self.attempt)
        {
            staged.files = staged.files.saturating_sub(1);
            staged.bytes = staged.bytes.saturating_sub(self.bytes);
        }
    }
}

impl Staging {
    /// Takes room for one more file, if the attempt has not brought as much as it may.
    #[must_use]
    pub fn take(&self, attempt: AttemptId, bytes: u64, bytes_max: u64) -> Option<Share> {
        let mut attempts = self.lock();
        if attempts.len() >= ATTEMPTS_MAX {
            attempts.clear();
        }
        let staged = attempts.entry(attempt).or_default();
        if staged.files >= OUTPUT_FILES_MAX || staged.bytes.saturating_add(bytes) > bytes_max {
            return None;
        }
        staged.files += 1;
        staged.bytes += bytes;
        Some(Share { staging: self.clone(), attempt, bytes, come: false })
    }

    /// How many bytes more must be reserved of the customer's storage, so that what the attempt brings is covered.
    #[must_use]
    pub fn uncovered(&self, attempt: AttemptId) -> u64 {
        self.lock().get(&attempt).map_or(0, |staged| staged.bytes.saturating_sub(staged.covered))
    }

    /// So many bytes more are reserved for it.
    pub fn cover(&self, attempt: AttemptId, bytes: u64) {
        let mut attempts = self.lock();
        let staged = attempts.entry(attempt).or_default();
        staged.covered = staged.covered.saturating_add(bytes);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AttemptId, Staged>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_brings_its_share_and_no_more() {
        let (staging, attempt) = (Staging::default(), AttemptId::generate());
        let first = staging.take(attempt, 6, 10).expect("there is room");
        assert!(staging.take(attempt, 5, 10).is_none(), "eleven of ten");
        assert!(staging.take(AttemptId::generate(), 5, 10).is_some(), "another's share is another's");
        drop(first);
        staging.take(attempt, 10, 10).expect("what did not come is given back").keep();
        assert!(staging.take(attempt, 1, 10).is_none(), "what came is not");
    }

    #[test]
    fn what_is_reserved_covers_what_comes_after_it() {
        let (staging, attempt) = (Staging::default(), AttemptId::generate());
        let first = staging.take(attempt, 6, 100).expect("there is room");
        assert_eq!(staging.uncovered(attempt), 6);
        staging.cover(attempt, 10);
        drop(first);
        staging.take(attempt, 10, 100).expect("there is room").keep();
        assert_eq!(staging.uncovered(attempt), 0, "what did not come leaves its cover to the next");
        staging.take(attempt, 3, 100).expect("there is room").keep();
        assert_eq!(staging.uncovered(attempt), 3);
    }

    #[test]
    fn files_without_bytes_count_too() {
        let (staging, attempt) = (Staging::default(), AttemptId::generate());
        (0..OUTPUT_FILES_MAX).for_each(|_| staging.take(attempt, 0, 10).expect("there is room").keep());
        assert!(staging.take(attempt, 0, 10).is_none());
    }
}
