//! Where an agent keeps its things, computed alike by the agent and by everyone who looks for it.

use std::{
    env, io,
    path::{Path, PathBuf},
};

use headframe_protocol::Sha256;

/// Names the data directory where no flag does.
pub const DATA_DIR_ENV: &str = "HEADFRAME_AGENT_DIR";

/// The longest socket path used as it is. `sun_path` holds 108 bytes on Linux and 104 on macOS, with a zero at the end.
#[cfg(unix)]
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// Why there is no data directory.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// The system does not say where the user's data belongs.
    #[error("this user has no home directory; name a data directory with --data-dir or {DATA_DIR_ENV}")]
    NoHome,
    /// A relative path, and the current directory is gone.
    #[error("could not make {} absolute", path.display())]
    Absolute {
        /// The path as given.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The directory cannot be made, or not kept to its owner.
    #[error("could not prepare {}", path.display())]
    Prepare {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The places of one agent. One data directory is one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPaths {
    data_dir: PathBuf,
}

impl AgentPaths {
    /// `explicit`, else what [`DATA_DIR_ENV`] says, else the platform's place for a user's local data.
    ///
    /// # Errors
    /// If none of the three is there, or a relative path cannot be made absolute.
    pub fn resolve(explicit: Option<PathBuf>) -> Result<Self, PathsError> {
        let named = explicit.or_else(|| env::var_os(DATA_DIR_ENV).filter(|dir| !dir.is_empty()).map(PathBuf::from));
        let Some(path) = named else { return Self::usual() };
        let data_dir = std::path::absolute(&path).map_err(|source| PathsError::Absolute { path, source })?;
        Ok(Self { data_dir })
    }

    /// The platform's place for a user's local data.
    ///
    /// # Errors
    /// If the user has no home.
    pub fn usual() -> Result<Self, PathsError> {
        let dirs = directories::ProjectDirs::from("org", "Headframe", "Headframe").ok_or(PathsError::NoHome)?;
        Ok(Self { data_dir: dirs.data_local_dir().join("agent") })
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The owner's settings.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.data_dir.join("agent.toml")
    }

    /// The device key, readable by its owner alone.
    #[must_use]
    pub fn device_key(&self) -> PathBuf {
        self.data_dir.join("device.key")
    }

    /// The agent's database.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.data_dir.join("agent.db")
    }

    /// Logs of attempts, a file each.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.data_dir.join("logs")
    }

    /// The agent's own log: files that take turns.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.data_dir.join("log")
    }

    /// What was written for somebody who helps the owner.
    #[must_use]
    pub fn support(&self) -> PathBuf {
        self.data_dir.join("support")
    }

    /// What an agent started by a guest prints.
    #[must_use]
    pub fn agent_log(&self) -> PathBuf {
        self.data_dir.join("agent.log")
    }

    /// The file whose lock makes its holder the one agent of this directory.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.data_dir.join("agent.lock")
    }

    /// The socket, `run/agent.sock` in the data directory. Where that is too long for a socket, a name made of the
    /// directory's sum in a folder that only this user can enter.
    #[cfg(unix)]
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        let plain = self.data_dir.join("run").join("agent.sock");
        if plain.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return plain;
        }
        runtime_dir().join(format!("{}.sock", self.short_name()))
    }

    /// The named pipe. Pipes live in one name space for the whole machine, so the directory's sum is in the name.
    #[cfg(windows)]
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        PathBuf::from(format!(r"\\.\pipe\headframe-{}", self.short_name()))
    }

    /// Makes the data directory and the socket's, both for this user alone.
    ///
    /// # Errors
    /// If one cannot be made, or belongs to somebody else.
    pub fn prepare(&self) -> Result<(), PathsError> {
        own_dir(&self.data_dir)?;
        #[cfg(unix)]
        own_dir(self.socket().parent().unwrap_or(&self.data_dir))?;
        Ok(())
    }

    /// A name for the directory where a path does not fit: half its sha-256, as hex. Links are followed first, so that
    /// two spellings of one directory meet.
    #[must_use]
    pub fn short_name(&self) -> String {
        let dir = self.data_dir.canonicalize().unwrap_or_else(|_| self.data_dir.clone());
        let mut name = Sha256::of(dir.as_os_str().as_encoded_bytes()).to_string();
        name.truncate(32);
        name
    }
}

/// `/run/user/<uid>/headframe` where the system made such a folder, else one in `/tmp`. Found by looking and not by
/// `XDG_RUNTIME_DIR`: an agent started at log-in and a window started elsewhere may see different environments.
#[cfg(unix)]
fn runtime_dir() -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let systems = PathBuf::from(format!("/run/user/{uid}"));
    if systems.is_dir() { systems.join("headframe") } else { PathBuf::from(format!("/tmp/headframe-{uid}")) }
}

/// Makes `dir` (0700), or makes sure that it is ours and closed to others. In `/tmp` somebody else may have been first.
#[cfg(unix)]
fn own_dir(dir: &Path) -> Result<(), PathsError> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};

    let failed = |source| PathsError::Prepare { path: dir.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let meta = std::fs::metadata(dir).map_err(failed)?;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user")));
    }
    if meta.mode() & 0o077 != 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Makes `dir`. A user's local data folder is closed to other users already.
#[cfg(windows)]
fn own_dir(dir: &Path) -> Result<(), PathsError> {
    std::fs::create_dir_all(dir).map_err(|source| PathsError::Prepare { path: dir.to_owned(), source })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_beats_the_default() {
        let paths = AgentPaths::resolve(Some("/srv/rig".into())).expect("absolute already");
        assert_eq!(paths.data_dir(), Path::new("/srv/rig"));
        assert_eq!(paths.socket(), Path::new("/srv/rig/run/agent.sock"));
    }

    #[test]
    fn a_long_directory_gets_a_short_socket_both_ends_agree_on() {
        let home = tempfile::tempdir().expect("a folder");
        let deep = home.path().join("d".repeat(120));
        std::fs::create_dir(&deep).expect("one more");
        let link = home.path().join("l".repeat(110));
        std::os::unix::fs::symlink(&deep, &link).expect("a second spelling");

        let plain = AgentPaths::resolve(Some(deep)).expect("absolute").socket();
        let linked = AgentPaths::resolve(Some(link)).expect("absolute").socket();
        assert!(plain.as_os_str().len() <= SOCKET_PATH_BYTES_MAX, "{} fits a socket address", plain.display());
        assert_eq!(plain, linked, "one directory is one agent, however it is spelled");
    }

    #[test]
    fn the_folder_of_the_socket_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().expect("a folder");
        let data = home.path().join("agent");
        std::fs::create_dir(&data).expect("with the usual rights");
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("open to read");
        let paths = AgentPaths::resolve(Some(data.clone())).expect("absolute");
        paths.prepare().expect("ours");
        for dir in [data.clone(), data.join("run")] {
            let mode = std::fs::metadata(&dir).expect("made").permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", dir.display());
        }
    }
}
