//! Files that a write left in the local folder because the process ended in the middle of it. `object_store` writes to
//! `<name>#<number>` and renames at the end, and lists no such file.

use std::{io, path::Path, time::UNIX_EPOCH};

use headframe_protocol::TimestampMs;

/// Folders below the artifact folder: `attempts/<id>/objects` is the deepest.
const DEPTH_MAX: u8 = 8;

/// Removes those last written before `before`; a write still going on has touched its file since. Returns how many.
pub(super) fn remove(folder: &Path, before: TimestampMs) -> io::Result<u64> {
    remove_below(folder, before, DEPTH_MAX)
}

fn remove_below(folder: &Path, before: TimestampMs, depth: u8) -> io::Result<u64> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A file that another sweep or its own writer removed meanwhile is none of our business.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() && depth > 0 {
            removed += remove_below(&entry.path(), before, depth - 1).or_else(gone)?;
        } else if metadata.is_file() && is_leftover(&entry.file_name().to_string_lossy()) && written(&metadata)? < before {
            std::fs::remove_file(entry.path()).or_else(|error| gone(error).map(drop))?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn gone(error: io::Error) -> io::Result<u64> {
    if error.kind() == io::ErrorKind::NotFound { Ok(0) } else { Err(error) }
}

fn is_leftover(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, suffix)| !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit()))
}

fn written(metadata: &std::fs::Metadata) -> io::Result<TimestampMs> {
    let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(TimestampMs::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}
