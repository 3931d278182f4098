//! Files that only the owner may read, and that are whole or absent after a power cut: keys and keystores.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
};

use zeroize::Zeroizing;

/// Why such a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// There is none.
    Missing,
    /// Others on this PC could read it.
    Exposed,
    /// The system says no.
    Failed(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::Missing } else { Self::Failed(error) }
    }
}

/// Reads up to `bytes_max` bytes and one more, so that a longer file is told apart without reading it all.
pub(crate) fn read(file: &Path, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let open = fs::File::open(file)?;
    if is_exposed(&open.metadata()?) {
        return Err(Unread::Exposed);
    }
    // As large as it may become: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(bytes_max + 1).unwrap_or(0)));
    open.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Written aside, flushed, then renamed: after a power cut there is the whole file or the one before. The lock on the data
/// directory keeps a second agent from doing the same.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let aside = file.with_file_name(name);
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut open = owner_only().open(&aside)?;
    open.write_all(bytes).and_then(|()| open.sync_all())?;
    drop(open);
    fs::rename(&aside, file)?;
    sync_folder(file)
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode() & 0o077 != 0
}

/// On Windows the data directory lies in the owner's profile, whose access list the file inherits.
#[cfg(not(unix))]
const fn is_exposed(_: &fs::Metadata) -> bool {
    false
}

fn owner_only() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the file's name last through a power cut.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
const fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
