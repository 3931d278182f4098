//! How many read logs as they are written. Each asks the database again and again, so that there is room for some only.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use headframe_protocol::CustomerId;

/// Streams of one customer: every job on one screen.
const PER_CUSTOMER_MAX: usize = 32;

/// Streams in all. Idle, each asks once a second, and a database answers some thousands of such questions.
const ALL_MAX: usize = 1_024;

/// Who reads now. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readers(Arc<Mutex<HashMap<CustomerId, usize>>>);

/// Room for one stream, until dropped.
#[derive(Debug)]
pub struct Reader {
    readers: Readers,
    customer: CustomerId,
}

impl Readers {
    /// Room for one more stream of a customer, if there is some.
    #[must_use]
    pub fn enter(&self, customer: CustomerId) -> Option<Reader> {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.values().sum::<usize>() >= ALL_MAX {
            return None;
        }
        let own = readers.entry(customer).or_default();
        if *own >= PER_CUSTOMER_MAX {
            return None;
        }
        *own += 1;
        Some(Reader { readers: self.clone(), customer })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut readers = self.readers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = readers.get_mut(&self.customer) {
            *own -= 1;
            if *own == 0 {
                readers.remove(&self.customer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_leaves_room_for_others_and_comes_again_when_he_has_closed_one() {
        let (readers, greedy) = (Readers::default(), CustomerId::generate());
        let mut open: Vec<Reader> = std::iter::from_fn(|| readers.enter(greedy)).collect();
        assert_eq!(open.len(), PER_CUSTOMER_MAX);
        assert!(readers.enter(CustomerId::generate()).is_some());
        open.pop();
        assert!(readers.enter(greedy).is_some());
    }
}
