//! How hot the processor is, by the kernel's own sensors.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{IdleProbe, Pace, ProbeError, Sign, attribute, broken};

/// Drivers of processors' sensors: Intel, AMD twice, and most others.
const DRIVERS: [&str; 4] = ["coretemp", "k10temp", "zenpower", "cpu_thermal"];

/// How often sensors are looked for anew. A driver may be loaded later.
const FIND_EVERY: Duration = Duration::from_secs(30);

/// Reads the sensors below a folder such as `/sys/class/hwmon`.
pub(super) struct CpuHeat {
    folder: PathBuf,
    sensors: Vec<PathBuf>,
    pace: Pace,
}

impl CpuHeat {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), sensors: Vec::new(), pace: Pace::new(FIND_EVERY) }
    }
}

impl IdleProbe for CpuHeat {
    fn name(&self) -> &'static str {
        "Processor heat"
    }

    // A cooler has seconds of its own.
    fn every(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        if self.pace.is_due() {
            self.sensors = sensors(&self.folder).map_err(|error| {
                self.pace.last = None;
                broken(&self.folder, &error)
            })?;
        }
        let Some(first) = self.sensors.first() else {
            return Err(ProbeError::Absent("this PC has no processor sensor that is known".to_owned()));
        };
        let read: Vec<io::Result<i16>> = self.sensors.iter().map(|sensor| celsius(sensor)).collect();
        // Single sensors fail now and then: one that sleeps, or was never wired.
        if let Some(hottest) = read.iter().filter_map(|read| read.as_ref().ok()).max() {
            return Ok(Sign::Heat(*hottest));
        }
        self.pace.last = None;
        match read.into_iter().find_map(Result::err) {
            Some(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ProbeError::Absent("the processor's sensor went away".to_owned()))
            }
            Some(error) => Err(broken(first, &error)),
            None => Err(ProbeError::Absent("the processor's sensor says nothing".to_owned())),
        }
    }
}

fn celsius(sensor: &Path) -> io::Result<i16> {
    let text = attribute(sensor)?.ok_or(io::ErrorKind::NotFound)?;
    let thousandths: i32 = text.parse().map_err(|_| io::Error::other(format!("{text:?} is no temperature")))?;
    i16::try_from(thousandths / 1_000).map_err(|_| io::Error::other(format!("{text} is no temperature")))
}

fn sensors(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let chips = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        chips => chips?,
    };
    for chip in chips {
        let chip = chip?.path();
        if attribute(&chip.join("name"))?.is_some_and(|name| DRIVERS.contains(&name.as_str())) {
            found.extend(best(labelled(&chip)?));
        }
    }
    Ok(found)
}

/// Each sensor of a chip with what it is called.
fn labelled(chip: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut labelled = Vec::new();
    for entry in fs::read_dir(chip)? {
        let sensor = entry?.path();
        let name = sensor.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(number) = name.strip_prefix("temp").and_then(|rest| rest.strip_suffix("_input")) {
            let label = attribute(&chip.join(format!("temp{number}_label")))?.unwrap_or_default();
            labelled.push((label, sensor));
        }
    }
    Ok(labelled)
}

/// The sensors of a chip that are worth reading. One for the whole chip spares waking each of its cores to ask them; and AMD's
/// `Tctl` is up to 27 degrees higher than the `Tdie` beside it, to make fans turn.
fn best(labelled: Vec<(String, PathBuf)>) -> Vec<PathBuf> {
    let is_whole = |label: &str| label.starts_with("Package id") || label == "Tdie";
    let has_whole = labelled.iter().any(|(label, _)| is_whole(label));
    labelled.into_iter().filter(|(label, _)| !has_whole || is_whole(label)).map(|(_, sensor)| sensor).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn add(folder: &TempDir, chip: &str, files: &[(&str, &str)]) {
        let chip = folder.path().join(chip);
        fs::create_dir_all(&chip).expect("made");
        for (name, text) in files {
            fs::write(chip.join(name), format!("{text}\n")).expect("written");
        }
    }

    fn pc(chips: &[(&str, &[(&str, &str)])]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        chips.iter().for_each(|(chip, files)| add(&folder, chip, files));
        folder
    }

    fn says(chips: &[(&str, &[(&str, &str)])]) -> Result<Sign, ProbeError> {
        CpuHeat::new(pc(chips).path()).read()
    }

    const DISK: (&str, &[(&str, &str)]) = ("hwmon0", &[("name", "nvme"), ("temp1_input", "91000")]);

    #[test]
    fn the_hottest_sensor_of_the_processor_counts_and_a_disk_does_not() {
        let cores = [("name", "coretemp"), ("temp2_input", "61000"), ("temp3_input", "67500")];
        assert_eq!(says(&[DISK, ("hwmon1", &cores)]), Ok(Sign::Heat(67)));
        let two = [("hwmon1", cores.as_slice()), ("hwmon2", &[("name", "coretemp"), ("temp1_input", "70000")])];
        assert_eq!(says(&two), Ok(Sign::Heat(70)), "two sockets");
    }

    #[test]
    fn the_sensor_of_the_whole_chip_is_preferred() {
        let intel = [
            ("name", "coretemp"),
            ("temp1_label", "Package id 0"),
            ("temp1_input", "55000"),
            ("temp2_label", "Core 0"),
            ("temp2_input", "60000"),
        ];
        assert_eq!(says(&[("hwmon0", &intel)]), Ok(Sign::Heat(55)));
        let amd = [
            ("name", "k10temp"),
            ("temp1_label", "Tctl"),
            ("temp1_input", "80000"),
            ("temp2_label", "Tdie"),
            ("temp2_input", "53000"),
        ];
        assert_eq!(says(&[("hwmon0", &amd)]), Ok(Sign::Heat(53)));
        let newer = [("name", "k10temp"), ("temp1_label", "Tctl"), ("temp1_input", "48125")];
        assert_eq!(says(&[("hwmon0", &newer)]), Ok(Sign::Heat(48)));
    }

    #[test]
    fn a_pc_without_a_known_sensor_has_no_probe_until_its_driver_is_loaded() {
        let folder = pc(&[DISK]);
        let mut probe = CpuHeat::new(folder.path());
        probe.pace.every = Duration::ZERO;
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))));
        add(&folder, "hwmon1", &[("name", "zenpower"), ("temp1_input", "40000")]);
        assert_eq!(probe.read(), Ok(Sign::Heat(40)));
        fs::remove_dir_all(folder.path().join("hwmon1")).expect("removed");
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))));
        assert!(matches!(CpuHeat::new(&folder.path().join("none")).read(), Err(ProbeError::Absent(_))));
    }

    #[test]
    fn a_sensor_that_fails_is_told_unless_another_one_works() {
        let folder = pc(&[("hwmon0", &[("name", "k10temp"), ("temp1_input", "no idea")])]);
        let mut probe = CpuHeat::new(folder.path());
        assert!(matches!(probe.read(), Err(ProbeError::Broken(why)) if why.contains("is no temperature")));
        add(&folder, "hwmon0", &[("temp3_input", "50000")]);
        assert_eq!(probe.read(), Ok(Sign::Heat(50)), "it is looked for again at once");
    }
}
