//! Who is the one agent of a data directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::PathBuf,
};

use crate::paths::{AgentPaths, PathsError};

/// Why this process is not the agent of the directory.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent runs there.
    #[error("another agent already runs in {}", data_dir.display())]
    Held {
        /// The directory.
        data_dir: PathBuf,
    },
    /// The directory cannot be prepared.
    #[error("the data directory cannot be used")]
    Prepare(#[source] PathsError),
    /// The lock file cannot be opened or locked.
    #[error("could not lock {}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Makes its holder the one agent of a data directory, until it is dropped or the process ends in any way: the
/// system lets go of the lock then, so a killed agent leaves nothing to clean up.
#[derive(Debug)]
pub struct AgentLock {
    paths: AgentPaths,
    _file: File,
}

impl AgentLock {
    /// Prepares the directory and takes its lock.
    ///
    /// # Errors
    /// [`LockError::Held`] at once if another agent has it; nothing is waited for.
    pub fn acquire(paths: &AgentPaths) -> Result<Self, LockError> {
        paths.prepare().map_err(LockError::Prepare)?;
        let path = paths.lock_file();
        let failed = |source| LockError::Lock { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { paths: paths.clone(), _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { data_dir: paths.data_dir().to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whose places these are.
    #[must_use]
    pub const fn paths(&self) -> &AgentPaths {
        &self.paths
    }
}
