//! Gamepads and joysticks, which no desktop counts as input.
//!
//! A gamepad that lies still says nothing of an owner who types. So this probe speaks only just after one was used, and is silent
//! otherwise: it can keep an owner here, and never make him away.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::OFlags;

use super::{IdleProbe, Pace, ProbeError, Sign};

/// How often gamepads that were plugged in are looked for.
const FIND_EVERY: Duration = Duration::from_secs(5);

/// How long after the last touch one is spoken of: shorter than any threshold, so that nobody is away by it.
const SPOKEN_OF: Duration = Duration::from_secs(1);

/// How far a stick must move to have been moved, of 32767 from its middle to its edge. Worn ones tremble.
const TREMBLE: i32 = 3_000;

/// The size of the kernel's `js_event`: the time (4 bytes), the value (2), the kind (1), the number (1).
const EVENT: usize = 8;

/// Kinds of events. A gamepad that is opened says how it is, in events of the same kinds with one bit more.
const BUTTON: u8 = 0x01;
const AXIS: u8 = 0x02;
const OPENING: u8 = 0x80;

/// Events that are read at once; the kernel keeps no more of them.
const BATCH: usize = 64;

/// Batches of one gamepad that are read in one look.
const BATCHES_MAX: usize = 16;

/// Reads the gamepads that stand as `js*` in a folder such as `/dev/input`. The kernel leaves motion sensors out there, which never
/// lie still.
pub(super) struct Gamepad {
    folder: PathBuf,
    pads: HashMap<PathBuf, Pad>,
    pace: Pace,
    /// Why the last one that was found could not be opened.
    closed: Option<String>,
    used: Option<Instant>,
}

struct Pad {
    events: File,
    /// Where each axis was when it counted last.
    axes: HashMap<u8, i32>,
}

impl Gamepad {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), pads: HashMap::new(), pace: Pace::new(FIND_EVERY), closed: None, used: None }
    }

    fn find(&mut self) {
        self.closed = None;
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_pad = entry.file_name().to_str().and_then(|name| name.strip_prefix("js")).is_some_and(is_number);
            if !is_pad || self.pads.contains_key(&path) {
                continue;
            }
            match OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&path) {
                Ok(events) => {
                    self.pads.insert(path, Pad { events, axes: HashMap::new() });
                }
                Err(error) => self.closed = Some(format!("{} cannot be opened: {error}", path.display())),
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl IdleProbe for Gamepad {
    fn name(&self) -> &'static str {
        "Gamepad"
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        if self.pace.is_due() {
            self.find();
        }
        let mut was_used = false;
        self.pads.retain(|_, pad| match pad.was_used() {
            Ok(used) => {
                was_used |= used;
                true
            }
            // It was pulled.
            Err(_) => false,
        });
        if was_used {
            self.used = Some(Instant::now());
        }
        match self.used.map(|used| used.elapsed()).filter(|idle| *idle < SPOKEN_OF) {
            Some(idle) => Ok(Sign::Input(idle)),
            None if !self.pads.is_empty() => Err(ProbeError::Absent("no gamepad is in use".to_owned())),
            None => Err(ProbeError::Absent(self.closed.clone().unwrap_or_else(|| "there is no gamepad".to_owned()))),
        }
    }
}

impl Pad {
    /// Takes what has happened since the last time.
    fn was_used(&mut self) -> io::Result<bool> {
        let mut was_used = false;
        let mut buffer = [0; EVENT * BATCH];
        for _ in 0..BATCHES_MAX {
            let length = match self.events.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for event in buffer[..length].as_chunks::<EVENT>().0 {
                was_used |= self.counts(*event);
            }
        }
        Ok(was_used)
    }

    fn counts(&mut self, event: [u8; EVENT]) -> bool {
        let [_, _, _, _, low, high, kind, number] = event;
        let value = i32::from(i16::from_ne_bytes([low, high]));
        let known = self.axes.get(&number).copied();
        match kind {
            BUTTON => true,
            AXIS if known.is_none_or(|known| (value - known).abs() > TREMBLE) => {
                self.axes.insert(number, value);
                true
            }
            kind if kind == AXIS | OPENING => {
                self.axes.insert(number, value);
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::TempDir;

    use super::*;

    /// A gamepad of the test: what is written into it is what it says.
    fn plug(folder: &TempDir, name: &str) -> File {
        let path = folder.path().join(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
        OpenOptions::new().read(true).write(true).open(&path).expect("opened")
    }

    fn event(kind: u8, number: u8, value: i16) -> [u8; EVENT] {
        let [low, high] = value.to_ne_bytes();
        [1, 2, 3, 4, low, high, kind, number]
    }

    /// Looks for gamepads at each look.
    fn eager(folder: &TempDir) -> Gamepad {
        let mut probe = Gamepad::new(folder.path());
        probe.pace.every = Duration::ZERO;
        probe
    }

    /// What it says once nothing of the past counts.
    fn fresh(probe: &mut Gamepad) -> Result<Sign, ProbeError> {
        probe.used = None;
        probe.read()
    }

    fn says(probe: &mut Gamepad) -> String {
        fresh(probe).expect_err("silent").to_string()
    }

    fn is_used(probe: &mut Gamepad) -> bool {
        matches!(fresh(probe), Ok(Sign::Input(idle)) if idle < SPOKEN_OF)
    }

    #[test]
    fn buttons_and_sticks_are_input_and_a_trembling_stick_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut pad = plug(&folder, "js0");
        let mut probe = eager(&folder);
        assert_eq!(says(&mut probe), "no gamepad is in use");
        pad.write_all(&[event(BUTTON | OPENING, 0, 0), event(AXIS | OPENING, 1, 200)].concat()).expect("written");
        assert_eq!(says(&mut probe), "no gamepad is in use", "it only said how it is");
        pad.write_all(&[event(AXIS, 1, -1_000), event(AXIS, 1, 900)].concat()).expect("written");
        assert_eq!(says(&mut probe), "no gamepad is in use", "it trembles");
        for event in [event(AXIS, 1, 30_000), event(BUTTON, 0, 1)] {
            pad.write_all(&event).expect("written");
            assert!(is_used(&mut probe), "{event:?}");
            assert_eq!(says(&mut probe), "no gamepad is in use");
        }
        pad.write_all(&event(BUTTON, 0, 0)[..5]).expect("written");
        assert_eq!(says(&mut probe), "no gamepad is in use", "half an event is none");
    }

    #[test]
    fn a_gamepad_that_is_plugged_in_later_or_again_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut probe = eager(&folder);
        assert_eq!(says(&mut probe), "there is no gamepad");
        File::create(folder.path().join("event3")).expect("made");
        let pad = plug(&folder, "js0");
        assert_eq!(says(&mut probe), "no gamepad is in use");
        fs::remove_file(folder.path().join("js0")).expect("pulled");
        drop(pad);
        assert_eq!(says(&mut probe), "there is no gamepad");
        let mut pad = plug(&folder, "js0");
        assert_eq!(says(&mut probe), "no gamepad is in use");
        pad.write_all(&event(BUTTON, 3, 1)).expect("written");
        assert!(is_used(&mut probe));
        assert!(matches!(Gamepad::new(&folder.path().join("none")).read(), Err(ProbeError::Absent(_))));
    }

    #[test]
    fn a_gamepad_that_cannot_be_opened_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        // Not for want of rights, which a test that runs as root never has.
        std::os::unix::fs::symlink("js0", folder.path().join("js0")).expect("linked");
        let says = says(&mut eager(&folder));
        assert!(says.contains("js0 cannot be opened: "), "{says}");
    }
}
