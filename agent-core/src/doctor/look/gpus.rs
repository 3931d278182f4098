//! Looks for NVIDIA cards on the bus, asks their driver, and NVIDIA's toolkit for its version.

use std::{fs, path::Path, process::Stdio, time::Duration};

use crate::{doctor::facts::Gpus, tasks::apart, telemetry};

/// How long the toolkit may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most devices a bus is believed to have.
const DEVICES_MAX: usize = 4_096;

pub(super) async fn look() -> Gpus {
    let driver = apart(|| {
        let models = telemetry::platform_gpus(|_, _| false).read().into_iter().map(|gpu| gpu.model).collect();
        (models, telemetry::driver_version())
    });
    let (driver, toolkit) = tokio::join!(driver, toolkit());
    let (models, driver) = driver.map_or((Vec::new(), None), |(models, driver)| (models, Some(driver)));
    let cdi_files = ["/etc/cdi", "/var/run/cdi"].iter().any(|folder| describes_nvidia(Path::new(folder)));
    Gpus { on_the_bus: on_the_bus(Path::new("/sys/bus/pci/devices")), models, driver, toolkit, cdi_files }
}

/// Display controllers (class 03) of NVIDIA's (vendor 10de).
fn on_the_bus(devices: &Path) -> Option<u32> {
    let read = |device: &Path, name: &str| fs::read_to_string(device.join(name)).unwrap_or_default();
    let cards = fs::read_dir(devices).ok()?.take(DEVICES_MAX).flatten().map(|entry| entry.path());
    let cards = cards.filter(|card| read(card, "vendor").trim() == "0x10de" && read(card, "class").starts_with("0x03"));
    u32::try_from(cards.count()).ok()
}

fn describes_nvidia(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().take(DEVICES_MAX).flatten().map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().to_lowercase()).any(|name| name.contains("nvidia"))
}

/// What `nvidia-ctk --version` says: `NVIDIA Container Toolkit CLI version 1.17.8`.
async fn toolkit() -> Option<String> {
    let mut command = tokio::process::Command::new("nvidia-ctk");
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let said = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    version_in(&String::from_utf8_lossy(&said.stdout))
}

fn version_in(text: &str) -> Option<String> {
    let (_, version) = text.lines().next()?.rsplit_once(" version ")?;
    Some(version.trim().chars().filter(|letter| !letter.is_control()).take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toolkit_says_its_version_in_its_first_line() {
        let said = "NVIDIA Container Toolkit CLI version 1.17.8\ncommit: f202b80a9b9d0db00d9b1d73c0128c8962c55f4d\n";
        assert_eq!(version_in(said).as_deref(), Some("1.17.8"));
        assert_eq!(version_in("command not found"), None);
        assert_eq!(version_in(""), None);
    }

    #[test]
    fn cards_are_counted_by_maker_and_kind() {
        let bus = tempfile::tempdir().expect("a folder");
        for (slot, vendor, class) in [
            ("0", "0x10de\n", "0x030000\n"),
            ("1", "0x10de\n", "0x040300\n"),
            ("2", "0x1002\n", "0x030000\n"),
            ("3", "0x10de\n", "0x030200\n"),
        ] {
            let device = bus.path().join(slot);
            fs::create_dir(&device).expect("a folder");
            fs::write(device.join("vendor"), vendor).expect("written");
            fs::write(device.join("class"), class).expect("written");
        }
        assert_eq!(on_the_bus(bus.path()), Some(2), "a card's own sound device is no card, nor is another maker's");
        assert_eq!(on_the_bus(&bus.path().join("missing")), None);
    }
}
