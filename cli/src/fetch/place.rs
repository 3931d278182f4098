//! Where a file of a result may lie. The only judge of names that came from a stranger.

use std::path::{Path, PathBuf};

use super::{FetchError, PARTS_DIR};

/// Names that Windows gives to devices, whatever their extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The place of `name` in `dir`, if it is one.
pub(super) fn resolve(dir: &Path, name: &str) -> Result<PathBuf, FetchError> {
    let refused = || FetchError::BadName { path: name.chars().take(200).collect() };
    let mut place = dir.to_owned();
    for part in name.split('/') {
        let plain = !part.is_empty() && part != "." && part != ".." && part != PARTS_DIR;
        // A backslash and a colon are parts of a name here and of a path on Windows; the same result must be safe on both.
        let safe = !part.chars().any(|letter| letter.is_control() || matches!(letter, '\\' | ':'));
        let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
        if !plain || !safe || DEVICES.contains(&stem.as_str()) {
            return Err(refused());
        }
        place.push(part);
    }
    Ok(place)
}

/// Makes the folders `name` needs under `dir`. A link on the way is refused, wherever it leads.
pub(super) async fn prepare(dir: &Path, name: &str) -> Result<(), FetchError> {
    let mut folder = dir.to_owned();
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        folder.push(part);
        match tokio::fs::symlink_metadata(&folder).await {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(FetchError::NotAFolder { path: folder }),
            Err(_) => match tokio::fs::create_dir(&folder).await {
                Ok(()) => {}
                // Another file of the same result made it in the meantime.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(FetchError::Write { path: folder, source }),
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        for name in [
            "../x",
            "/etc/passwd",
            "a/../../x",
            "a//b",
            ".",
            "",
            "a/",
            "C:x",
            "a\\..\\b",
            "nul.txt",
            ".headframe-parts/x",
            "a\nb",
        ] {
            assert!(resolve(Path::new("out"), name).is_err(), "{name:?} must be refused");
        }
        for name in ["x", "a/b/c.png", "..x", ".hidden", "frame 1.png", "ü"] {
            assert_eq!(resolve(Path::new("out"), name).expect("a plain name"), Path::new("out").join(name));
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_in_the_folder_is_not_followed() {
        let (dir, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("frames")).expect("a link");
        let refused = prepare(dir.path(), "frames/1.png").await;
        assert!(matches!(refused, Err(FetchError::NotAFolder { .. })), "{refused:?}");
    }
}
