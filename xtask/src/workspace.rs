//! Where things lie: the repository, what cargo builds, what we install for ourselves.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The binaries that the tests and the demo start, with the variable that tells a test where each lies.
pub(crate) const BINARIES: [(&str, &str); 5] = [
    ("HEADFRAME_COORDINATOR_BIN", "headframe-coordinator"),
    ("HEADFRAME_AGENT_BIN", "headframe-agent"),
    ("HEADFRAME_CLI_BIN", "headframe"),
    ("HEADFRAME_TESTBED_BIN", "headframe-testbed"),
    ("HEADFRAME_DESKTOP_BIN", "headframe-desktop"),
];

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies inside the repository")
}

/// Cargo's target folder: everything we make lies below it, so that deleting it forgets all.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// A folder below target, made if need be.
pub(crate) fn target_folder(name: &str) -> std::io::Result<PathBuf> {
    let folder = target().join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A binary of the workspace.
pub(crate) fn binary(profile: Profile, name: &str) -> PathBuf {
    target().join(profile.folder()).join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

/// Where pinned tools go that the system does not have.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// The search path with our own tools first, and the folders that some systems keep out of an ordinary user's path.
pub(crate) fn search_path() -> OsString {
    let mut folders = vec![tools().join("bin")];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.extend(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    std::env::join_paths(folders).expect("a path came from PATH itself or has no separator")
}

/// Which of cargo's profiles a binary was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For tests and the demo.
    Debug,
    /// For numbers.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}
