//! Where this PC keeps what belongs to Headframe: how much it is, and shown in the system's own program for folders. The page names one of
//! ours; it can name no path.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use headframe_control::AgentPaths;
use headframe_protocol::control::{ControlCode, ControlError, Place, Places};

/// More files are not counted: a folder with so many is not worth a wait, and its size is told as too small rather than never.
const FILES_MAX: usize = 200_000;

/// What shows a folder.
#[cfg(target_os = "linux")]
const SHOWS: &str = "xdg-open";
#[cfg(target_os = "macos")]
const SHOWS: &str = "open";
#[cfg(target_os = "windows")]
const SHOWS: &str = "explorer";

/// All of them, as they are now.
pub(crate) fn look(paths: &AgentPaths) -> Places {
    let (data, log) = (paths.data_dir(), paths.log());
    Places {
        window_version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: data.display().to_string(),
        data_bytes: bytes_in(data),
        log_dir: log.display().to_string(),
        log_bytes: bytes_in(&log),
    }
}

/// Shows a folder. What shows it goes on without us.
pub(crate) fn open(paths: &AgentPaths, place: Place) -> Result<(), ControlError> {
    show(SHOWS.as_ref(), &folder(paths, place))
}

fn folder(paths: &AgentPaths, place: Place) -> PathBuf {
    match place {
        Place::Data => paths.data_dir().to_owned(),
        Place::Log => paths.log(),
        Place::Support => paths.support(),
    }
}

fn show(program: &OsStr, folder: &Path) -> Result<(), ControlError> {
    if !folder.is_dir() {
        return Err(failed(format!("There is no folder {} yet.", folder.display())));
    }
    let mut command = Command::new(program);
    command.arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut shown = command
        .spawn()
        .map_err(|error| failed(format!("The folder could not be shown ({error}). It is {}.", folder.display())))?;
    // Somebody has to ask how it ended, or it stays in the process table while we live.
    std::thread::spawn(move || shown.wait());
    Ok(())
}

/// The size of all files below. What cannot be read is nothing, and a link is not followed: it may lead anywhere.
fn bytes_in(folder: &Path) -> u64 {
    let (mut bytes, mut open, mut seen) = (0_u64, vec![folder.to_owned()], 0);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > FILES_MAX {
                return bytes;
            }
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                open.push(entry.path());
            } else if found.is_file() {
                bytes = bytes.saturating_add(found.len());
            }
        }
    }
    bytes
}

fn failed(message: String) -> ControlError {
    ControlError { code: ControlCode::Unexpected, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_below_counts_and_no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("log")).expect("made");
        fs::write(folder.path().join("one"), [0; 10]).expect("written");
        fs::write(folder.path().join("log/two"), [0; 5]).expect("written");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/", folder.path().join("elsewhere")).expect("linked");
        assert_eq!(bytes_in(folder.path()), 15);
    }

    #[test]
    fn what_cannot_be_shown_is_told_with_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = show("no-such-program-at-all".as_ref(), folder.path()).expect_err("there is none");
        assert!(error.message.contains(&folder.path().display().to_string()), "{error:?}");
        let error = show("true".as_ref(), &folder.path().join("missing")).expect_err("no folder");
        assert!(error.message.starts_with("There is no folder"), "{error:?}");
    }
}
