//! The agent's own log: to stderr, and to files in the data directory that never grow beyond their size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use headframe_control::AgentPaths;
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// What is logged: a level, or levels of targets, such as `info,sqlx=warn`; `info` if it is not set.
const FILTER_ENV: &str = "HEADFRAME_LOG";

/// The size at which a file is put aside. Days of an eventful rig.
const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// Files kept beside the one being written.
const OLD_FILES_MAX: u32 = 2;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[error("could not open the log in {}", folder.display())]
pub(crate) struct LogError {
    folder: PathBuf,
    #[source]
    source: io::Error,
}

/// Logs from now on.
pub(crate) fn begin(paths: &AgentPaths) -> Result<(), LogError> {
    let folder = paths.log();
    let file = Rotated::open(&folder).map_err(|source| LogError { folder, source })?;
    let asked = std::env::var(FILTER_ENV).ok().and_then(|words| words.parse::<Targets>().ok());
    let filter = || asked.clone().unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let to_file = fmt::layer().with_ansi(false).with_target(false).with_writer(file).with_filter(filter());
    // Whoever starts us in the background keeps stderr in a file of his own, which nobody rotates: one log is enough.
    let to_stderr = (!stderr_is(&paths.agent_log())).then(|| {
        fmt::layer().with_ansi(io::stderr().is_terminal()).with_target(false).with_writer(io::stderr).with_filter(filter())
    });
    // Already set only when this is called twice, which nobody does.
    tracing_subscriber::registry().with(to_file).with(to_stderr).try_init().ok();
    Ok(())
}

#[cfg(unix)]
fn stderr_is(file: &Path) -> bool {
    use std::os::{fd::AsFd as _, unix::fs::MetadataExt as _};
    // Both by the same means: systems disagree with Rust about how wide a device's number is.
    let (Ok(stderr), Ok(file)) = (io::stderr().as_fd().try_clone_to_owned(), fs::metadata(file)) else { return false };
    fs::File::from(stderr).metadata().is_ok_and(|stderr| (stderr.dev(), stderr.ino()) == (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn stderr_is(_file: &Path) -> bool {
    !io::stderr().is_terminal()
}

/// A log file that is put aside when it is full.
#[derive(Debug, Clone)]
struct Rotated(Arc<Mutex<Current>>);

#[derive(Debug)]
struct Current {
    folder: PathBuf,
    file: File,
    bytes: u64,
}

impl Rotated {
    fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new().create(true).append(true).open(name(folder, 0))?;
        let bytes = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Current { folder: folder.to_owned(), file, bytes }))))
    }
}

impl Current {
    fn rotate(&mut self) -> io::Result<()> {
        for age in (0..OLD_FILES_MAX).rev() {
            match fs::rename(name(&self.folder, age), name(&self.folder, age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.file = OpenOptions::new().create(true).append(true).open(name(&self.folder, 0))?;
        self.bytes = 0;
        Ok(())
    }
}

fn name(folder: &Path, age: u32) -> PathBuf {
    if age == 0 { folder.join("headframe-agent.log") } else { folder.join(format!("headframe-agent.{age}.log")) }
}

impl Write for &Rotated {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if current.bytes >= FILE_BYTES_MAX {
            current.rotate()?;
        }
        let written = current.file.write(line)?;
        current.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).file.flush()
    }
}

impl<'a> MakeWriter<'a> for Rotated {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_never_grows_beyond_its_files() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = Rotated::open(dir.path()).expect("opened");
        let line = vec![b'x'; 1024 * 1024];
        for _ in 0..30 {
            (&log).write_all(&line).expect("written");
        }
        let files: Vec<u64> = fs::read_dir(dir.path())
            .expect("listed")
            .map(|file| file.expect("a file").metadata().expect("its size").len())
            .collect();
        assert_eq!(files.len(), 3);
        assert!(files.iter().all(|bytes| *bytes <= FILE_BYTES_MAX), "{files:?}");
    }
}
