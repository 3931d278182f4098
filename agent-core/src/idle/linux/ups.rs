//! Whether a UPS on a USB port feeds the PC. The kernel does not list those; UPower speaks with them.

use std::{collections::HashMap, time::Duration};

use zbus::zvariant::OwnedValue;

use super::{
    IdleProbe, ProbeError, Sign,
    bus::{Argument, Bus, Place, Silence},
};

const SERVICE: &str = "org.freedesktop.UPower";

/// Asks UPower.
pub(super) struct Ups(Bus);

impl Ups {
    pub(super) const fn new(bus: Bus) -> Self {
        Self(bus)
    }

    fn is_on_battery(&self) -> Result<bool, Silence> {
        let place =
            Place { service: SERVICE, path: "/org/freedesktop/UPower".to_owned(), interface: "org.freedesktop.DBus.Properties" };
        let all: HashMap<String, OwnedValue> = self.0.call(&place, "GetAll", Argument::Text(SERVICE.to_owned()))?;
        let told = all.get("OnBattery").and_then(|on| bool::try_from(on).ok());
        told.ok_or(Silence::Unknown { service: SERVICE, method: "OnBattery" })
    }
}

impl IdleProbe for Ups {
    fn name(&self) -> &'static str {
        "UPS"
    }

    // The last minutes of a UPS are for the owner's own work; a few seconds of them are not missed.
    fn every(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        Ok(Sign::OnBattery(self.is_on_battery()?))
    }
}

#[cfg(test)]
mod tests {
    use zbus::interface;

    use super::{
        super::bus::stage::{Daemon, nowhere, until},
        *,
    };

    struct Upower(bool);

    #[interface(name = "org.freedesktop.UPower")]
    impl Upower {
        #[zbus(property)]
        fn on_battery(&self) -> zbus::fdo::Result<bool> {
            Ok(self.0)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_ups_that_feeds_the_pc_is_told_by_upower() {
        assert!(matches!(Ups::new(nowhere()).read(), Err(ProbeError::Absent(_))));
        let daemon = Daemon::start();
        let mut probe = Ups::new(daemon.bus());
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))), "a PC without UPower");
        for on in [true, false] {
            let builder = daemon.builder().serve_at("/org/freedesktop/UPower", Upower(on)).expect("a place");
            let service = builder.name(SERVICE).expect("a name").build().await.expect("connected");
            until("an answer", || probe.read() == Ok(Sign::OnBattery(on))).await;
            service.close().await.expect("closed");
            until("its end", || matches!(probe.read(), Err(ProbeError::Absent(_)))).await;
        }
    }
}
