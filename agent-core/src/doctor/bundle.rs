//! One text for somebody who helps: the check-up and the end of the agent's log, without names of people and PCs. Keys are in neither.

use std::{
    fs, io,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use headframe_control::AgentPaths;
use headframe_protocol::control::{Checkup, Snapshot, Support};

use super::{Private, told};

/// The end of the log that goes along: hours of an ordinary rig.
const LOG_BYTES: u64 = 96 * 1024;

/// The longest text. It goes over a line of the control socket, and into a mail.
const TEXT_BYTES_MAX: usize = 128 * 1024;

/// Writes it into the data directory. The file of before is replaced.
///
/// # Errors
/// If the folder or the file cannot be written.
pub fn write(paths: &AgentPaths, snapshot: &Snapshot, checkup: Checkup) -> io::Result<Support> {
    let private = Private::of_this_pc();
    let mut text = text(snapshot, &private.hidden(checkup), &private.hide(&end_of_log(&paths.log())));
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    let folder = paths.support();
    fs::create_dir_all(&folder)?;
    let file = folder.join("headframe-support.txt");
    crate::owner_file::write(&file, text.as_bytes())?;
    Ok(Support { file: file.display().to_string(), text })
}

fn text(snapshot: &Snapshot, checkup: &Checkup, log: &str) -> String {
    let phase = serde_json::to_string(&snapshot.phase).unwrap_or_default();
    [
        format!("Headframe {} on {} ({})", snapshot.agent_version, std::env::consts::OS, std::env::consts::ARCH),
        format!("Phase: {}", Private::of_this_pc().hide(&phase)),
        String::new(),
        told::text(checkup, true, true),
        String::new(),
        "The end of the agent’s log".to_owned(),
        log.to_owned(),
    ]
    .join("\n")
}

/// The newest file's last lines. A log that cannot be read is told instead.
fn end_of_log(folder: &Path) -> String {
    newest(folder).and_then(|file| end_of(&file)).unwrap_or_else(|error| format!("It cannot be read: {error}."))
}

fn newest(folder: &Path) -> io::Result<PathBuf> {
    let files = fs::read_dir(folder)?.flatten().filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
    files.max().map(|(_, file)| file).ok_or_else(|| io::Error::other("there is none"))
}

fn end_of(file: &Path) -> io::Result<String> {
    let mut open = fs::File::open(file)?;
    let from = open.metadata()?.len().saturating_sub(LOG_BYTES);
    open.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    open.take(LOG_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line was cut.
    Ok(if from == 0 { text } else { text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_whole_lines_from_its_end_go_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines: Vec<String> = (0..20_000).map(|line| format!("line {line} of a log")).collect();
        fs::write(folder.path().join("agent.log"), lines.join("\n")).expect("written");
        let end = end_of_log(folder.path());
        assert!(end.starts_with("line ") && end.ends_with("line 19999 of a log"), "{}", &end[..40]);
        assert!(end.len() as u64 <= LOG_BYTES);
    }

    #[test]
    fn a_log_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(end_of_log(folder.path()), "It cannot be read: there is none.");
    }
}
