//! Checks a reported result before it is accepted: every named output is there, every file of the manifest was brought.

use std::collections::BTreeSet;

use headframe_protocol::{
    job::Reason,
    session::{AttemptRef, OUTPUT_FILES_MAX, OutputFile},
};

use crate::{
    App,
    blobs::BlobError,
    store::{StoreError, lifecycle},
};

/// Why a result cannot be checked now. Nothing is decided; the rig reports again.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error("could not read what the job names")]
    Store(#[source] StoreError),
    #[error("could not look for an output")]
    Blobs(#[source] BlobError),
}

/// What is wrong with a result: the reason and a line for the customer. Nothing if it can be accepted, or if there is no such
/// attempt, which is found out when it is written down.
pub(super) async fn problem(app: &App, at: AttemptRef, outputs: &[OutputFile]) -> Result<Option<(Reason, String)>, CheckError> {
    let mut connection = app.store.read().await.map_err(CheckError::Store)?;
    let Some(wanted) = lifecycle::outputs_wanted(&mut connection, at).await.map_err(CheckError::Store)? else { return Ok(None) };
    drop(connection);
    if let Some(found) = shape(&wanted, outputs) {
        return Ok(Some(found));
    }
    for file in outputs {
        let bytes = app.blobs.contains_for_attempt(at.attempt, file.sha256).await.map_err(CheckError::Blobs)?;
        if bytes != Some(file.bytes) {
            return Ok(Some((Reason::OutputMismatch, format!("`{}` was not brought as the manifest says.", file.path))));
        }
    }
    Ok(None)
}

/// The pure part: what can be said without looking at the bytes.
fn shape(wanted: &[String], outputs: &[OutputFile]) -> Option<(Reason, String)> {
    if outputs.len() > OUTPUT_FILES_MAX {
        return Some((Reason::OutputRefused, format!("More than {OUTPUT_FILES_MAX} files.")));
    }
    let mut seen = BTreeSet::new();
    for OutputFile { path, .. } in outputs {
        let plain = path.len() <= 4_096
            && !path.chars().any(|c| c.is_control() || c == '\\')
            && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        let named = wanted.iter().any(|wanted| within(wanted, path));
        if !plain || !named || !seen.insert(path.as_str()) {
            return Some((Reason::OutputMismatch, "The manifest has a path that is not one of the job's outputs.".to_owned()));
        }
    }
    let missing = wanted.iter().find(|wanted| !outputs.iter().any(|file| within(wanted, &file.path)))?;
    Some((Reason::OutputMissing, format!("`{missing}` is not there.")))
}

/// Whether `path` is the output `wanted`, or inside it.
fn within(wanted: &str, path: &str) -> bool {
    path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use headframe_protocol::Sha256;

    use super::*;

    fn check(wanted: &[&str], paths: &[&str]) -> Option<Reason> {
        let wanted: Vec<String> = wanted.iter().map(|&path| path.to_owned()).collect();
        let outputs: Vec<OutputFile> =
            paths.iter().map(|&path| OutputFile { path: path.to_owned(), sha256: Sha256::of(b""), bytes: 0 }).collect();
        shape(&wanted, &outputs).map(|(reason, _)| reason)
    }

    #[test]
    fn a_folder_is_covered_by_a_file_in_it() {
        assert_eq!(check(&["frames", "log.txt"], &["frames/0001.png", "log.txt"]), None);
    }

    #[test]
    fn a_named_output_that_is_not_there_is_missed() {
        assert_eq!(check(&["frames", "log.txt"], &["frames/0001.png"]), Some(Reason::OutputMissing));
        assert_eq!(check(&["frames"], &["frames2/0001.png"]), Some(Reason::OutputMismatch));
    }

    #[test]
    fn a_manifest_cannot_climb_or_repeat() {
        assert_eq!(check(&["a"], &["a/../../etc/passwd"]), Some(Reason::OutputMismatch));
        assert_eq!(check(&["a"], &["a", "a"]), Some(Reason::OutputMismatch));
    }
}
