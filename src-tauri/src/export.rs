//! Texts of the agent, written into files that did not exist before.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use headframe_control::Client;
use headframe_protocol::control::{ControlCode, ControlError, Exported, SheetArgs, SheetOf, SheetPiece};
use tauri::{AppHandle, Manager as _};

/// Names that are tried for a file: whoever has a hundred of the same day wants no other.
const NAMES_MAX: u32 = 100;

/// Pieces of one text: two million attempts.
const PIECES_MAX: usize = 10_000;

/// The owner's downloads; his home where the system knows no such folder.
pub(crate) fn folder(app: &AppHandle) -> Result<PathBuf, ControlError> {
    let paths = app.path();
    let found = paths.download_dir().ok().filter(|folder| folder.is_dir());
    found.map_or_else(|| paths.home_dir(), Ok).map_err(|error| unwritten(&format!("the system names no folder for it: {error}")))
}

/// Writes what the agent says of its earnings into a new file in `folder`. One that is not whole is removed again.
pub(crate) async fn earnings(agent: &mut Client, folder: &Path, of: SheetOf) -> Result<Exported, ControlError> {
    // The first piece before the file: an agent that refuses leaves nothing behind.
    let first = agent.sheet(SheetArgs { of, after: None }).await?;
    let (path, file) = create(folder, &first.file_name).map_err(|error| unwritten(&error.to_string()))?;
    match write(agent, of, first, file).await {
        Ok(()) => Ok(Exported { path: path.display().to_string() }),
        Err(error) => {
            std::fs::remove_file(&path).ok();
            Err(error)
        }
    }
}

async fn write(agent: &mut Client, of: SheetOf, first: SheetPiece, mut file: File) -> Result<(), ControlError> {
    let mut piece = first;
    for _ in 0..PIECES_MAX {
        file.write_all(piece.text.as_bytes()).map_err(|error| unwritten(&error.to_string()))?;
        let Some(after) = piece.next else {
            return file.sync_all().map_err(|error| unwritten(&error.to_string()));
        };
        piece = agent.sheet(SheetArgs { of, after: Some(after) }).await?;
    }
    Err(unwritten("it is longer than any history"))
}

/// A file of that name, or of that name with a number, that was not there before. Nothing of the owner's is ever written over.
fn create(folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let is_plain =
        !name.is_empty() && !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    if !is_plain {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the agent gave it no plain name"));
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "csv"));
    for number in 1..=NAMES_MAX {
        let name = if number == 1 { name.to_owned() } else { format!("{stem}-{number}.{ending}") };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are a hundred files of that name already"))
}

fn unwritten(why: &str) -> ControlError {
    ControlError { code: ControlCode::Unexpected, message: format!("The file could not be written: {why}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_written_over_and_no_other_folder_is_reached() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a.csv"), "mine").expect("written");
        let (path, _file) = create(dir.path(), "a.csv").expect("a new one");
        assert_eq!(path, dir.path().join("a-2.csv"));
        assert_eq!(create(dir.path(), "a.csv").expect("another").0, dir.path().join("a-3.csv"));
        assert_eq!(std::fs::read_to_string(dir.path().join("a.csv")).expect("there"), "mine");
        for name in ["", ".csv", "../a.csv", "/etc/passwd", "a b.csv", "a\0.csv", "C:a.csv"] {
            assert!(create(dir.path(), name).is_err(), "{name:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_points_elsewhere_is_not_followed() {
        let (dir, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::os::unix::fs::symlink(other.path().join("target"), dir.path().join("a.csv")).expect("a link");
        assert_eq!(create(dir.path(), "a.csv").expect("a new one").0, dir.path().join("a-2.csv"));
        assert!(!other.path().join("target").exists());
    }
}
