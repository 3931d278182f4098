//! Rigs' numbers by device. The table holds numbers only: which device one belongs to is read from the rig itself, which whoever asks
//! for the number looks at anyway. So the table of fifty thousand rigs fits into a processor's cache, and one with the devices in it does
//! not.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use headframe_protocol::DeviceId;

/// The numbers of all connected rigs. `of` tells the device of one of them.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    table: HashTable<u32>,
    hasher: RandomState,
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn find(&self, device: DeviceId, of: impl Fn(u32) -> Option<DeviceId>) -> Option<u32> {
        self.table.find(self.hasher.hash_one(device), |number| of(*number) == Some(device)).copied()
    }

    /// A device that has no number gets this.
    pub(super) fn insert(&mut self, device: DeviceId, number: u32, of: impl Fn(u32) -> Option<DeviceId>) {
        let hasher = &self.hasher;
        self.table
            .insert_unique(hasher.hash_one(device), number, |number| of(*number).map_or(0, |device| hasher.hash_one(device)));
    }

    pub(super) fn remove(&mut self, device: DeviceId, of: impl Fn(u32) -> Option<DeviceId>) -> Option<u32> {
        let entry = self.table.find_entry(self.hasher.hash_one(device), |number| of(*number) == Some(device)).ok()?;
        Some(entry.remove().0)
    }
}
