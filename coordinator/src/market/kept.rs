//! Rigs that are kept free for a job that needs more slots than are ever free at once.
//!
//! Without this, jobs of one slot would take every slot of a rig as it becomes free, and one that needs four would wait for ever.

use std::collections::HashMap;

use headframe_protocol::DeviceId;

use super::ByDevice;

/// One in so many connected rigs may be kept free at a time: slots that stand empty earn nothing.
const RIGS_FOR_ONE: usize = 128;

/// Which rig is kept for which kind of need.
#[derive(Debug, Default)]
pub(super) struct KeptFree {
    by_kind: HashMap<u64, DeviceId>,
    by_device: ByDevice<u64>,
}

impl KeptFree {
    /// Whether no more may be kept, of so many rigs.
    pub(super) fn is_full(&self, rigs: usize) -> bool {
        self.by_kind.len() > rigs / RIGS_FOR_ONE
    }

    pub(super) fn kind_of(&self, device: DeviceId) -> Option<u64> {
        self.by_device.get(&device).copied()
    }

    pub(super) fn device_of(&self, kind: u64) -> Option<DeviceId> {
        self.by_kind.get(&kind).copied()
    }

    /// A rig is kept for a kind, and no other is.
    pub(super) fn keep(&mut self, kind: u64, device: DeviceId) {
        self.let_go(device);
        if let Some(before) = self.by_kind.insert(kind, device) {
            self.by_device.remove(&before);
        }
        self.by_device.insert(device, kind);
    }

    /// A rig is no longer kept. False if it was not.
    pub(super) fn let_go(&mut self, device: DeviceId) -> bool {
        let kind = self.by_device.remove(&device);
        kind.is_some_and(|kind| self.by_kind.remove(&kind).is_some())
    }

    /// Takes out rigs kept for a kind that there is no job of any more.
    pub(super) fn for_nobody(&mut self, is_there: impl Fn(u64) -> bool) -> Vec<DeviceId> {
        let gone: Vec<DeviceId> = self.by_kind.iter().filter(|(kind, _)| !is_there(**kind)).map(|(_, device)| *device).collect();
        for device in &gone {
            self.let_go(*device);
        }
        gone
    }
}
