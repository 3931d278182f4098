//! Where things lie: the repository, what cargo builds, what we install for ourselves.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The binaries that the tests and the demo start, with the variable that tells a test where each lies.
pub(crate) const BINARIES: [(&str, &str); 6] = [
    ("HEADFRAME_COORDINATOR_BIN", "headframe-coordinator"),
    ("HEADFRAME_AGENT_BIN", "headframe-agent"),
    ("HEADFRAME_BENCHMARK_BIN", "headframe-benchmark"),
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

/// A place of this run alone in `folder`: two runs side by side never write over each other. What runs that are over have left
/// there is removed now; until then a failed one's logs and databases can be looked at.
pub(crate) fn own_place(folder: &Path, name: &str, ending: &str) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if owner(&path, name, ending).is_some_and(|process| !is_alive(process)) {
            // Another run may be clearing up at the same moment.
            if path.is_dir() {
                std::fs::remove_dir_all(&path).ok()
            } else {
                std::fs::remove_file(&path).ok()
            };
        }
    }
    Ok(folder.join(format!("{name}-{}{ending}", std::process::id())))
}

/// The process whose place this is, if it is one of this name.
fn owner(path: &Path, name: &str, ending: &str) -> Option<i32> {
    path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(ending)?.parse().ok()
}

fn is_alive(process: i32) -> bool {
    rustix::process::Pid::from_raw(process).is_some_and(|id| rustix::process::test_kill_process(id).is_ok())
}

/// Where a server of this run writes.
pub(crate) fn log(name: &str) -> std::io::Result<PathBuf> {
    own_place(&target().join("logs"), name, ".log")
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
    /// As it runs on an owner's PC.
    Rig,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Rig => "rig",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_knows_whose_it_is() {
        assert_eq!(owner(Path::new("target/pg-42"), "pg", ""), Some(42));
        assert_eq!(owner(Path::new("target/logs/xvfb-42.log"), "xvfb", ".log"), Some(42));
        for other in ["target/pg", "target/pgx-42", "target/pg-42.log", "target/pg-x"] {
            assert_eq!(owner(Path::new(other), "pg", ""), None, "{other}");
        }
        assert!(is_alive(std::process::id().cast_signed()));
    }
}
