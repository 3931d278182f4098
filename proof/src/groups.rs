//! Who must be challenged in the same second: whoever might be one and the same card behind several names.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use headframe_protocol::DeviceId;

/// A device as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Which.
    pub device: DeviceId,
    /// Whose, if it is known: an account or an address.
    pub owner: Option<String>,
    /// Where its session comes from, if that says anything (a proxy of the operator's does not).
    pub address: Option<IpAddr>,
    /// The UUIDs of its cards, as the driver told them.
    pub gpus: Vec<String>,
}

/// Who is asked together, and who is not to work until somebody has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Each device once; the devices of a group begin in the same second.
    pub groups: Vec<Vec<DeviceId>>,
    /// Devices that name a card which another names too, or name one twice.
    pub quarantined: BTreeSet<DeviceId>,
}

/// What makes two devices one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark<'a> {
    Owner(&'a str),
    /// The first 24 bits.
    V4([u8; 3]),
    /// The first 48 bits: what one household or one rented server gets.
    V6([u8; 6]),
    Gpu(&'a str),
}

/// Groups devices by owner, by network (/24, or /48 of IPv6) and by card. A device belongs to every group it has a mark of, and so
/// joins them.
#[must_use]
pub fn plan(devices: &[Device]) -> Plan {
    let mut first: BTreeMap<Mark<'_>, usize> = BTreeMap::new();
    let mut parents: Vec<usize> = (0..devices.len()).collect();
    let mut quarantined = BTreeSet::new();
    for (index, device) in devices.iter().enumerate() {
        for mark in marks(device) {
            let is_card = matches!(mark, Mark::Gpu(_));
            let Some(&other) = first.get(&mark) else {
                first.insert(mark, index);
                continue;
            };
            if is_card {
                quarantined.extend([devices[other].device, device.device]);
            }
            let (a, b) = (top(&mut parents, other), top(&mut parents, index));
            // The earlier one leads, so that groups come out in the order of their first devices.
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Vec<DeviceId>> = BTreeMap::new();
    for (index, device) in devices.iter().enumerate() {
        groups.entry(top(&mut parents, index)).or_default().push(device.device);
    }
    Plan { groups: groups.into_values().collect(), quarantined }
}

fn marks(device: &Device) -> impl Iterator<Item = Mark<'_>> {
    let network = device.address.map(|address| match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Mark::V4([a, b, c])
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, ..] = v6.octets();
            Mark::V6([a, b, c, d, e, f])
        }
    });
    let owner = device.owner.as_deref().map(Mark::Owner);
    // An empty UUID is a driver that tells none.
    let gpus = device.gpus.iter().map(|uuid| uuid.trim()).filter(|uuid| !uuid.is_empty()).map(Mark::Gpu);
    owner.into_iter().chain(network).chain(gpus)
}

/// Who leads the group, with the way there shortened.
fn top(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> DeviceId {
        DeviceId([number; 20].into())
    }

    fn device(number: u8, owner: &str, address: &str, gpus: &[&str]) -> Device {
        let owner = (!owner.is_empty()).then(|| owner.to_owned());
        Device {
            device: id(number),
            owner,
            address: address.parse().ok(),
            gpus: gpus.iter().map(|&gpu| gpu.to_owned()).collect(),
        }
    }

    fn groups(devices: &[Device]) -> Vec<Vec<DeviceId>> {
        plan(devices).groups
    }

    #[test]
    fn one_owner_or_one_network_is_asked_at_once() {
        let devices = [
            device(1, "ann", "198.51.100.7", &["GPU-1"]),
            device(2, "ben", "203.0.113.9", &["GPU-2"]),
            device(3, "ann", "2001:db8:1:2::5", &["GPU-3"]),
            device(4, "cat", "2001:db8:1:ffff::1", &["GPU-4"]),
            device(5, "dan", "2001:db8:2::1", &["GPU-5"]),
            device(6, "eve", "::ffff:198.51.100.200", &["GPU-6"]),
            device(7, "", "", &[]),
            device(8, "", "", &[""]),
        ];
        let expected = vec![vec![id(1), id(3), id(4), id(6)], vec![id(2)], vec![id(5)], vec![id(7)], vec![id(8)]];
        assert_eq!(groups(&devices), expected);
        assert!(plan(&devices).quarantined.is_empty());
    }

    #[test]
    fn one_card_with_two_names_takes_both_out_of_work() {
        let devices = [
            device(1, "ann", "198.51.100.7", &["GPU-1"]),
            device(2, "ben", "203.0.113.9", &["GPU-2", "GPU-1"]),
            device(3, "cat", "192.0.2.1", &["GPU-3", "GPU-3"]),
            device(4, "dan", "192.0.3.1", &["GPU-4"]),
        ];
        let plan = plan(&devices);
        assert_eq!(plan.quarantined, [id(1), id(2), id(3)].into());
        assert_eq!(plan.groups, vec![vec![id(1), id(2)], vec![id(3)], vec![id(4)]]);
    }

    #[test]
    fn a_device_between_two_groups_joins_them() {
        let devices = [
            device(1, "ann", "198.51.100.1", &[]),
            device(2, "ben", "203.0.113.1", &[]),
            device(3, "cat", "203.0.113.2", &[]),
            device(4, "cat", "198.51.100.2", &[]),
        ];
        assert_eq!(groups(&devices), vec![vec![id(1), id(2), id(3), id(4)]]);
    }
}
