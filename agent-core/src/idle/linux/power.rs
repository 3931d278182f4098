//! Whether the PC runs on a battery or a UPS, as the kernel's list of power supplies has it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{IdleProbe, ProbeError, Sign, attribute, broken};

/// Reads the supplies in a folder such as `/sys/class/power_supply`.
pub(super) struct Power {
    folder: PathBuf,
}

impl Power {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

impl IdleProbe for Power {
    fn name(&self) -> &'static str {
        "Power"
    }

    // Reading a battery wakes a slow controller on many laptops.
    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        is_on_battery(&self.folder).map(Sign::OnBattery).map_err(|error| broken(&self.folder, &error))
    }
}

/// What kinds of supply there are that feed the PC.
enum Kind {
    /// From the wall, by whatever plug.
    Mains,
    Battery,
    Ups,
}

fn is_on_battery(folder: &Path) -> io::Result<bool> {
    let supplies = match supplies(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        supplies => supplies?,
    };
    let mut is_plugged = None;
    for (kind, supply) in &supplies {
        match kind {
            Kind::Mains => {
                let online = attribute(&supply.join("online"))?.is_some_and(|online| online != "0");
                is_plugged = Some(is_plugged.unwrap_or(false) || online);
            }
            Kind::Ups if status(supply)? == "Discharging" => return Ok(true),
            Kind::Ups | Kind::Battery => {}
        }
    }
    if is_plugged == Some(true) {
        return Ok(false);
    }
    for (kind, supply) in &supplies {
        match kind {
            Kind::Battery => match status(supply)?.as_str() {
                "Discharging" => return Ok(true),
                // A battery that does not know, beside a plug that says there is nothing in it.
                "" | "Unknown" if is_plugged == Some(false) => return Ok(true),
                // Full, charging, or held at a level: from what, if not from the wall?
                _ => {}
            },
            Kind::Mains | Kind::Ups => {}
        }
    }
    Ok(false)
}

fn supplies(folder: &Path) -> io::Result<Vec<(Kind, PathBuf)>> {
    let mut supplies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let supply = entry?.path();
        let kind = match attribute(&supply.join("type"))?.as_deref() {
            Some("Mains" | "USB" | "Wireless") => Kind::Mains,
            Some("Battery") => Kind::Battery,
            Some("UPS") => Kind::Ups,
            Some(_) | None => continue,
        };
        // The battery of a mouse or a gamepad feeds only that.
        if attribute(&supply.join("scope"))?.as_deref() != Some("Device") {
            supplies.push((kind, supply));
        }
    }
    Ok(supplies)
}

fn status(supply: &Path) -> io::Result<String> {
    Ok(attribute(&supply.join("status"))?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn pc(supplies: &[(&str, &[(&str, &str)])]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, attributes) in supplies {
            let supply = folder.path().join(name);
            fs::create_dir(&supply).expect("made");
            for (attribute, value) in *attributes {
                fs::write(supply.join(attribute), format!("{value}\n")).expect("written");
            }
        }
        folder
    }

    fn says(supplies: &[(&str, &[(&str, &str)])]) -> Result<Sign, ProbeError> {
        Power::new(pc(supplies).path()).read()
    }

    const PLUGGED: (&str, &[(&str, &str)]) = ("AC", &[("type", "Mains"), ("online", "1")]);
    const UNPLUGGED: (&str, &[(&str, &str)]) = ("AC", &[("type", "Mains"), ("online", "0")]);

    #[test]
    fn a_pc_without_a_battery_is_on_mains_power() {
        assert_eq!(says(&[]), Ok(Sign::OnBattery(false)));
        assert_eq!(says(&[UNPLUGGED]), Ok(Sign::OnBattery(false)), "it runs, so the plug is mistaken");
        let nowhere = tempfile::tempdir().expect("a folder").path().join("power_supply");
        assert_eq!(Power::new(&nowhere).read(), Ok(Sign::OnBattery(false)), "a kernel without power supplies");
    }

    #[test]
    fn a_laptop_is_on_its_battery_when_nothing_is_plugged_in() {
        let battery = |status: &'static str| -> [(&'static str, &'static str); 3] {
            [("type", "Battery"), ("scope", "System"), ("status", status)]
        };
        for (plug, status, on) in [
            (UNPLUGGED, "Discharging", true),
            (UNPLUGGED, "Unknown", true),
            (UNPLUGGED, "Charging", false),
            (PLUGGED, "Discharging", false),
            (PLUGGED, "Not charging", false),
        ] {
            assert_eq!(says(&[plug, ("BAT0", &battery(status))]), Ok(Sign::OnBattery(on)), "{status}");
        }
        assert_eq!(says(&[("BAT0", &battery("Discharging"))]), Ok(Sign::OnBattery(true)), "no plug is told of");
        assert_eq!(says(&[("BAT0", &battery("Unknown"))]), Ok(Sign::OnBattery(false)));
        let charger: (&str, &[(&str, &str)]) = ("ucsi", &[("type", "USB"), ("online", "1")]);
        assert_eq!(says(&[UNPLUGGED, charger, ("BAT0", &battery("Discharging"))]), Ok(Sign::OnBattery(false)));
    }

    #[test]
    fn the_battery_of_a_mouse_is_not_the_pcs() {
        let mouse = [("type", "Battery"), ("scope", "Device"), ("status", "Discharging")];
        assert_eq!(says(&[("hidpp_battery_0", &mouse)]), Ok(Sign::OnBattery(false)));
    }

    #[test]
    fn a_ups_that_feeds_the_pc_is_a_battery() {
        let ups = |status| [("type", "UPS"), ("status", status)];
        assert_eq!(says(&[PLUGGED, ("ups", &ups("Discharging"))]), Ok(Sign::OnBattery(true)));
        assert_eq!(says(&[PLUGGED, ("ups", &ups("Full"))]), Ok(Sign::OnBattery(false)));
    }

    #[test]
    fn supplies_that_cannot_be_read_are_told_and_found_again() {
        let folder = pc(&[PLUGGED]);
        let online = folder.path().join("AC/online");
        fs::remove_file(&online).expect("removed");
        fs::create_dir(&online).expect("made");
        let mut probe = Power::new(folder.path());
        assert!(matches!(probe.read(), Err(ProbeError::Broken(why)) if why.starts_with("could not read ")));
        fs::remove_dir(&online).expect("removed");
        fs::write(&online, "1").expect("written");
        assert_eq!(probe.read(), Ok(Sign::OnBattery(false)));
    }
}
