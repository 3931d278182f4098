//! Whether the connection is paid by what goes through it, as NetworkManager has it.

use std::time::Duration;

use zbus::zvariant::OwnedValue;

use super::{
    IdleProbe, ProbeError, Sign,
    bus::{Argument, Bus, Place, Silence},
};

const SERVICE: &str = "org.freedesktop.NetworkManager";

/// `NM_METERED_YES`, and `NM_METERED_GUESS_YES` as for a phone that is tethered.
const METERED: [u32; 2] = [1, 3];

/// Asks NetworkManager.
pub(super) struct Metered(Bus);

impl Metered {
    pub(super) const fn new(bus: Bus) -> Self {
        Self(bus)
    }

    fn metered(&self) -> Result<u32, Silence> {
        let place = Place {
            service: SERVICE,
            path: "/org/freedesktop/NetworkManager".to_owned(),
            interface: "org.freedesktop.DBus.Properties",
        };
        // All of them, since asking for one takes two arguments; there are some thirty, and they are asked for seldom.
        let all: std::collections::HashMap<String, OwnedValue> =
            self.0.call(&place, "GetAll", Argument::Text(SERVICE.to_owned()))?;
        let metered = all.get("Metered").and_then(|metered| u32::try_from(metered).ok());
        metered.ok_or(Silence::Unknown { service: SERVICE, method: "Metered" })
    }
}

impl IdleProbe for Metered {
    fn name(&self) -> &'static str {
        "Metered connection"
    }

    // Networks change by hand.
    fn every(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        Ok(Sign::Metered(METERED.contains(&self.metered()?)))
    }
}

#[cfg(test)]
mod tests {
    use zbus::{Connection, interface};

    use super::{
        super::bus::stage::{Daemon, nowhere, until},
        *,
    };

    struct Network(u32);

    #[interface(name = "org.freedesktop.NetworkManager")]
    impl Network {
        #[zbus(property)]
        fn metered(&self) -> zbus::fdo::Result<u32> {
            Ok(self.0)
        }
    }

    async fn network(daemon: &Daemon, metered: u32) -> Connection {
        let place = "/org/freedesktop/NetworkManager";
        let builder = daemon.builder().serve_at(place, Network(metered)).expect("a place").name(SERVICE).expect("a name");
        builder.build().await.expect("connected")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_metered_is_told_by_whoever_keeps_the_networks() {
        assert!(matches!(Metered::new(nowhere()).read(), Err(ProbeError::Absent(_))));
        let daemon = Daemon::start();
        let mut probe = Metered::new(daemon.bus());
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))), "a PC without NetworkManager");
        for (value, metered) in [(0, false), (1, true), (2, false), (3, true), (4, false)] {
            let service = network(&daemon, value).await;
            until("an answer", || probe.read() == Ok(Sign::Metered(metered))).await;
            service.close().await.expect("closed");
            until("its end", || matches!(probe.read(), Err(ProbeError::Absent(_)))).await;
        }
    }
}
