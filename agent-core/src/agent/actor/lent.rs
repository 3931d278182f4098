//! What the owner's rules lend to jobs, and which jobs they want none of.

use std::num::NonZeroU64;

use headframe_protocol::rig::Refusals;
use tracing::info;

use super::Actor;
use crate::{
    duty::Event,
    idle::{Internet, Network},
    runner::{Bandwidth, EgressCaps, EgressConfig},
};

impl Actor {
    /// What the rules said last holds while they cannot be understood.
    pub(super) fn look_at_bandwidth(&self, network: Option<Network>) {
        let Some(network) = network else { return };
        let limit = |kib_per_second: u32| NonZeroU64::new(u64::from(kib_per_second) << 10);
        let bandwidth =
            Bandwidth { up_per_second: limit(network.up_kib_per_second), down_per_second: limit(network.down_kib_per_second) };
        self.parts.owner.bandwidth.send_if_modified(|known| std::mem::replace(known, bandwidth) != bandwidth);
    }

    /// What the rules said last holds while they cannot be understood: then nothing works anyway.
    pub(super) fn look_at_refusals(&mut self, refuses: Option<Refusals>) {
        let Some(refuses) = refuses.filter(|refuses| refuses != self.parts.duty.refuses()) else { return };
        info!(refuses.customers = refuses.blocked.len(), "The owner's rules say which jobs he does not want");
        self.step(Event::Refuses(refuses));
    }

    pub(super) fn look_at_egress(&mut self, internet: Option<Internet>) {
        // Whoever built this agent may have had no relay to build into it.
        let caps = internet.filter(|_| EgressConfig::is_possible()).map(|internet| EgressCaps {
            bytes_per_second: u64::from(internet.kib_per_second) << 10,
            bytes_per_attempt: u64::from(internet.mib_per_job) << 20,
        });
        let news = self.parts.owner.egress.send_if_modified(|known| std::mem::replace(known, caps) != caps);
        if news {
            self.step(Event::Egress(caps.map_or(0, |caps| caps.bytes_per_attempt)));
        }
    }
}
