//! Of what the owner is told outside of the window: defaults in one commented file, his own lines on top, read whenever somebody asks.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use headframe_protocol::control::{Notices, NoticesPage};
use toml_edit::{DocumentMut, Item, Value};

use super::over_defaults;
use crate::owner_file;

/// The commented defaults, as shipped.
pub const DEFAULTS: &str = include_str!("../../notices.toml");

/// The name of the owner's file in the data directory.
pub const FILE_NAME: &str = "notices.toml";

/// A file with six switches is shorter, whatever its owner writes beside them.
const BYTES_MAX: u64 = 64 * 1024;

/// Why the owner's wishes are not known, or not changed.
#[derive(Debug, thiserror::Error)]
pub enum NoticesError {
    /// The file cannot be read.
    #[error("could not read {}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file cannot be understood. Nothing is changed in it: its owner can still mend it.
    #[error("{} cannot be understood: {problem}", file.display())]
    Parse {
        /// Which.
        file: PathBuf,
        /// Where and why.
        problem: String,
    },
    /// The file was not written.
    #[error("the choice could not be written")]
    Write(#[source] io::Error),
}

/// What the owner of `data_dir` wants to be told. Where his file cannot be understood, what is usual holds.
///
/// # Errors
/// [`NoticesError::Read`].
pub fn page(data_dir: &Path) -> Result<NoticesPage, NoticesError> {
    let file = data_dir.join(FILE_NAME);
    let text = read(&file)?;
    let (notices, problem) = match parse(&text, &file) {
        Ok(notices) => (notices, None),
        Err(error) => (parse("", &file)?, Some(error.to_string())),
    };
    Ok(NoticesPage { notices, problem, file: file.display().to_string() })
}

/// Writes what the owner wants to be told into his file. Only lines that differ are touched.
///
/// # Errors
/// [`NoticesError`]; then the file is as before.
pub fn change(data_dir: &Path, wanted: Notices) -> Result<(), NoticesError> {
    let file = data_dir.join(FILE_NAME);
    let text = read(&file)?;
    let found = parse(&text, &file)?;
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| unclear(&file, &error))?;
    for ((key, before), (_, now)) in entries(found).into_iter().zip(entries(wanted)) {
        if before == now {
            continue;
        }
        let mut new = Value::from(now);
        if let Some(old) = document.get(key).and_then(Item::as_value) {
            // A comment behind the value is the owner's.
            *new.decor_mut() = old.decor().clone();
        }
        document[key] = Item::Value(new);
    }
    owner_file::write(&file, document.to_string().as_bytes()).map_err(NoticesError::Write)
}

/// Each switch with the name that it has in the file.
const fn entries(Notices { job_done, refused, trouble, update, paused, paid }: Notices) -> [(&'static str, bool); 6] {
    [("job_done", job_done), ("refused", refused), ("trouble", trouble), ("update", update), ("paused", paused), ("paid", paid)]
}

fn read(file: &Path) -> Result<String, NoticesError> {
    let unread = |source| NoticesError::Read { file: file.to_owned(), source };
    match fs::metadata(file) {
        Ok(found) if found.len() > BYTES_MAX => Err(unread(io::Error::other("it is longer than 64 KiB"))),
        Ok(_) => fs::read_to_string(file).map_err(unread),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(unread(error)),
    }
}

fn parse(text: &str, file: &Path) -> Result<Notices, NoticesError> {
    over_defaults(DEFAULTS, text).map_err(|error| unclear(file, &error))
}

fn unclear(file: &Path, error: &impl ToString) -> NoticesError {
    NoticesError::Parse { file: file.to_owned(), problem: error.to_string().trim().replace('\n', " ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_who_chose_nothing_is_told_little() {
        let folder = tempfile::tempdir().expect("a folder");
        let NoticesPage { notices, problem, .. } = page(folder.path()).expect("a page");
        assert!(!notices.job_done && notices.trouble && problem.is_none());
    }

    #[test]
    fn a_choice_touches_its_own_line_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        fs::write(&file, "# mine\nrefused = true # as ever\n").expect("written");
        let wanted = Notices { job_done: true, refused: false, ..page(folder.path()).expect("a page").notices };
        change(folder.path(), wanted).expect("written");
        assert_eq!(fs::read_to_string(&file).expect("there"), "# mine\nrefused = false # as ever\njob_done = true\n");
        assert_eq!(page(folder.path()).expect("a page").notices, wanted);
    }

    #[test]
    fn a_file_nobody_understands_is_told_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        fs::write(&file, "trouble = maybe\n").expect("written");
        let seen = page(folder.path()).expect("a page");
        assert!(seen.notices.trouble && seen.problem.as_ref().is_some_and(|problem| problem.contains("line 1")), "{seen:?}");
        assert!(matches!(change(folder.path(), seen.notices), Err(NoticesError::Parse { .. })));
        assert_eq!(fs::read_to_string(&file).expect("there"), "trouble = maybe\n");
    }
}
