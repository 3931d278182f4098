//! One bell for each thing somebody waits for on this replica.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Notify;

/// Bells by what they are rung for. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Bells<K>(Arc<Mutex<Hung<K>>>);

#[derive(Debug)]
struct Hung<K> {
    bells: HashMap<K, Weak<Notify>>,
    /// When there are so many, those nobody listens to any more are cleared away: each costs its share of one look.
    clear_at: usize,
}

/// Below this nothing is cleared away.
const FEW: usize = 64;

impl<K> Default for Bells<K> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Hung { bells: HashMap::new(), clear_at: FEW })))
    }
}

impl<K: Eq + Hash> Bells<K> {
    pub(crate) fn of(&self, key: K) -> Arc<Notify> {
        let mut hung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = hung.bells.get(&key).and_then(Weak::upgrade) {
            return bell;
        }
        if hung.bells.len() >= hung.clear_at {
            hung.bells.retain(|_, bell| bell.strong_count() > 0);
            hung.clear_at = (hung.bells.len() * 2).max(FEW);
        }
        let bell = Arc::new(Notify::new());
        hung.bells.insert(key, Arc::downgrade(&bell));
        bell
    }

    pub(crate) fn ring(&self, key: K) {
        let hung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = hung.bells.get(&key).and_then(Weak::upgrade) {
            bell.notify_waiters();
        }
    }
}
