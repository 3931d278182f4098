//! Customers and rigs behind which the same person may stand.

use std::collections::{HashMap, HashSet};

use headframe_protocol::{CustomerId, DeviceId};

use super::ByDevice;

/// By rig: most rigs are linked to nobody, and then nothing is looked at.
#[derive(Debug, Default)]
pub(super) struct Linked(ByDevice<HashSet<CustomerId>>);

impl Linked {
    /// These are all there are.
    pub(super) fn set(&mut self, links: Vec<(CustomerId, DeviceId)>) {
        let mut by_device: ByDevice<HashSet<CustomerId>> = HashMap::new();
        for (customer, device) in links {
            by_device.entry(device).or_default().insert(customer);
        }
        self.0 = by_device;
    }

    /// One more.
    pub(super) fn add(&mut self, customer: CustomerId, device: DeviceId) {
        self.0.entry(device).or_default().insert(customer);
    }

    pub(super) fn are(&self, customer: CustomerId, device: DeviceId) -> bool {
        self.of(device).is_some_and(|customers| customers.contains(&customer))
    }

    /// Everybody linked to a rig.
    pub(super) fn of(&self, device: DeviceId) -> Option<&HashSet<CustomerId>> {
        self.0.get(&device)
    }
}
