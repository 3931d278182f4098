//! Which network the owner's file names, written as he would write it himself: his comments and his other lines stay.

use std::{io, path::Path};

use headframe_protocol::profile::SignedProfile;
use toml_edit::DocumentMut;

use super::{FILE_NAME, Settings, SettingsError};
use crate::{owner_file, owner_toml};

/// Why the file is as before.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It could not be read, or is not understood before or after the change.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It could not be written.
    #[error("the settings could not be written")]
    Write(#[source] io::Error),
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub enum Joining<'a> {
    /// The network of this profile, and practice is over.
    Network(&'a SignedProfile),
    /// Practice on this PC, or the network from before.
    Practice(bool),
}

/// Changes the file in `data_dir`. The agent reads it when it begins.
///
/// # Errors
/// [`JoinError`]; then nothing was changed.
pub fn write(data_dir: &Path, joining: Joining<'_>) -> Result<(), JoinError> {
    let file = data_dir.join(FILE_NAME);
    let text = super::read(&file)?;
    let new = rewritten(&text, joining, &file)?;
    Settings::parse(&new, &file)?;
    owner_file::write(&file, new.as_bytes()).map_err(JoinError::Write)
}

fn rewritten(text: &str, joining: Joining<'_>, file: &Path) -> Result<String, SettingsError> {
    // First as settings: those errors name line and key.
    Settings::parse(text, file)?;
    let mut document: DocumentMut = text.parse().unwrap_or_default();
    let mut set = |key: &str, value: toml_edit::Value| owner_toml::set(&mut document, "coordinator", key, value);
    match joining {
        Joining::Network(signed) => {
            set("url", signed.profile.coordinator.as_str().into());
            set("profile", signed.link().into());
            set("practice", false.into());
        }
        Joining::Practice(practice) => set("practice", practice.into()),
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> SignedProfile {
        serde_json::from_str(include_str!("../../../protocol/tests/wire/profile.json")).expect("a golden file")
    }

    #[test]
    fn joining_changes_three_lines_and_no_comment() {
        let folder = tempfile::tempdir().expect("a folder");
        let (dir, file) = (folder.path(), folder.path().join(FILE_NAME));
        let own = "# Mine.\n[rig]\nname = \"cellar\" # below\n\n[coordinator]\n# The first one.\nurl = \"https://old.example\" # until May\n";
        std::fs::write(&file, own).expect("written");
        let signed = profile();
        write(dir, Joining::Network(&signed)).expect("joined");
        let text = std::fs::read_to_string(&file).expect("there");
        let url = signed.profile.coordinator.as_str();
        assert!(text.starts_with(&own.replace("https://old.example", url)), "{text}");
        let settings = Settings::load(dir).expect("settings");
        assert_eq!(settings.coordinator.url, signed.profile.coordinator);
        assert_eq!(settings.coordinator.profile, signed.link());
        assert_eq!(settings.rig.name, "cellar");
        write(dir, Joining::Practice(true)).expect("written");
        let practising = Settings::load(dir).expect("settings");
        assert!(practising.coordinator.practice);
        assert_eq!(practising.coordinator.url, signed.profile.coordinator, "the network from before is not forgotten");
        write(dir, Joining::Network(&signed)).expect("joined");
        assert!(!Settings::load(dir).expect("settings").coordinator.practice);
    }

    #[test]
    fn a_pc_without_a_file_gets_one_with_nothing_else_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), Joining::Practice(true)).expect("written");
        let text = std::fs::read_to_string(folder.path().join(FILE_NAME)).expect("there");
        assert_eq!(text, "[coordinator]\npractice = true\n");
    }

    #[test]
    fn settings_nobody_understands_are_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        for wrong in ["[coordinator\n", "[coordinator]\nurl = \"http://example.org\"\n", "coordinator = 5\n"] {
            std::fs::write(&file, wrong).expect("written");
            let refused = write(folder.path(), Joining::Network(&profile()));
            assert!(matches!(refused, Err(JoinError::Settings(_))), "{refused:?}");
            assert_eq!(std::fs::read_to_string(&file).expect("there"), wrong);
        }
    }
}
