//! Checks a checkpoint before it is accepted: every file lies where the job said and was brought as the list says.

use std::collections::BTreeSet;

use headframe_protocol::session::{
    AttemptRef, CheckpointBrought, OutputFile,
    checkpoint::{is_path_of, is_short_enough},
};

use super::outputs::CheckError;
use crate::{
    App,
    store::lifecycle::{self, Brought},
};

/// What is written down of a rig's word. What cannot be believed becomes the word that there is no checkpoint: the job must
/// not wait for it.
pub(super) async fn believed(app: &App, brought: CheckpointBrought) -> Result<Brought, CheckError> {
    let CheckpointBrought { at, files, problem } = brought;
    if files.is_empty() {
        return Ok(Brought { files, problem });
    }
    Ok(match problem_with(app, at, &files).await? {
        None => Brought { files, problem: None },
        Some(problem) => Brought { files: Vec::new(), problem: Some(problem) },
    })
}

async fn problem_with(app: &App, at: AttemptRef, files: &[OutputFile]) -> Result<Option<String>, CheckError> {
    let mut connection = app.store.read().await.map_err(CheckError::Store)?;
    let named = lifecycle::checkpoint_path(&mut connection, at).await.map_err(CheckError::Store)?;
    drop(connection);
    let Some(named) = named else { return Ok(Some("The job makes none.".to_owned())) };
    if let Some(problem) = shape(&named, files) {
        return Ok(Some(problem));
    }
    for file in files {
        let bytes = app.blobs.contains_for_attempt(at.attempt, file.sha256).await.map_err(CheckError::Blobs)?;
        if bytes != Some(file.bytes) {
            return Ok(Some(format!("`{}` was not brought as the list says.", file.path)));
        }
    }
    Ok(None)
}

/// What can be said without looking at the bytes.
fn shape(named: &str, files: &[OutputFile]) -> Option<String> {
    if !is_short_enough(files) {
        return Some("It has too many files, or their names are too long.".to_owned());
    }
    let mut seen = BTreeSet::new();
    if !files.iter().all(|file| is_path_of(named, &file.path) && seen.insert(file.path.as_str())) {
        return Some(format!("The list has a path that is not in `{named}`, or has one twice."));
    }
    // Laid out for the next attempt, one would stand in the other's way.
    let is_folder =
        |path: &str| seen.range(format!("{path}/").as_str()..).next().is_some_and(|next| next.starts_with(&format!("{path}/")));
    seen.iter().any(|path| is_folder(path)).then(|| "The list has a path that is file and folder at once.".to_owned())
}

#[cfg(test)]
mod tests {
    use headframe_protocol::Sha256;

    use super::*;

    fn is_fine(paths: &[&str]) -> bool {
        let file = |path: &&str| OutputFile { path: (*path).to_owned(), sha256: Sha256::of(b""), bytes: 0 };
        shape("state", &paths.iter().map(file).collect::<Vec<_>>()).is_none()
    }

    #[test]
    fn a_list_names_files_of_the_checkpoint_once_each() {
        assert!(is_fine(&["state"]));
        assert!(is_fine(&["state/a", "state/a.b", "state/b/c"]));
        for bad in [&["other"][..], &["state/a", "state/a"], &["state/../x"], &["state/a", "state/a/b"], &["state", "state/a"]] {
            assert!(!is_fine(bad), "{bad:?}");
        }
    }
}
