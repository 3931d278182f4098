//! Brings what a stopped container left at its checkpoint's path. Somebody waits for nothing here but works at this PC: one
//! file after the other, at a pace that leaves him his line.

use std::time::Duration;

use headframe_protocol::{job::Reason, session::checkpoint::is_short_enough};

use super::{
    Assignment,
    bandwidth::Haste,
    coordinator::ObjectAnswer,
    crew::Site,
    failure::Failure,
    outputs::{self, Collected},
    sandbox,
};
use crate::{fault, store::Saved};

/// Between two tries while the coordinator cannot be reached. There is no last try: who discards the attempt ends it.
const AGAIN: Duration = Duration::from_secs(5);

/// Brings it all, or says why there is nothing to bring.
pub(super) async fn save(site: &Site, assignment: &Assignment) -> Saved {
    let saved = tokio::select! {
        biased;
        () = site.works.until_rig_full() => Err(Failure::plain(Reason::RigDiskFull)),
        saved = bring(site, assignment) => saved,
    };
    match saved {
        Ok(files) => files,
        // A job that was stopped before its first checkpoint has none.
        Err(Failure { reason: Reason::OutputMissing, .. }) => Saved::default(),
        Err(Failure { reason, detail, .. }) => {
            let attempt = assignment.at.attempt;
            tracing::info!(attempt.id = %attempt, detail, "The checkpoint of attempt {attempt} was not brought ({reason})");
            Saved { files: Vec::new(), problem: Some(detail.unwrap_or_else(|| reason.sentence().to_owned())) }
        }
    }
}

async fn bring(site: &Site, assignment: &Assignment) -> Result<Saved, Failure> {
    let Some(checkpoint) = &assignment.spec.checkpoint else { return Ok(Saved::default()) };
    let counter = site.counter(assignment)?;
    // An attempt that never came as far as a work volume has left nothing.
    let Ok(work) = site.works.reopen(assignment.at).await else { return Ok(Saved::default()) };
    let paths = [checkpoint.path.clone()];
    let collected = outputs::collect(site, assignment, &work, &sandbox::name(assignment.at), &paths).await?;
    let files: Vec<_> = collected.iter().map(|collected| collected.output.clone()).collect();
    if !is_short_enough(&files) {
        let why = format!("`{}` has too many files, or their names are too long; put them into an archive.", checkpoint.path);
        return Err(Failure::because(Reason::OutputRefused, why));
    }
    for Collected { file, output } in &collected {
        loop {
            match counter.put_object(output.sha256, file, output.bytes, Haste::Gentle).await {
                ObjectAnswer::There => {
                    fault::point("checkpoint.brought");
                    break;
                }
                ObjectAnswer::Later => tokio::time::sleep(AGAIN).await,
                ObjectAnswer::NotOurs => return Ok(Saved::default()),
                ObjectAnswer::NoRoom(said) => {
                    return Err(Failure::because(Reason::OutputRefused, format!("`{}` was not taken: {said}", output.path)));
                }
                ObjectAnswer::Refused(status) => {
                    let why = format!("The coordinator answers {status} to `{}`.", output.path);
                    return Err(Failure::because(Reason::UploadFailed, why));
                }
            }
        }
    }
    Ok(Saved { files, problem: None })
}
