//! Submitting: local files first, then all jobs of the file at once, then, if asked, to the end and the result.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use headframe_protocol::{
    JobId,
    api::{Batch, Pay, PayIn, Upload},
    job::JobSpec,
};
use indicatif::ProgressBar;
use serde::Serialize;
use uuid::Uuid;

use super::{
    quote::{self, Estimate},
    watch::{follow_jobs, outcome, until_interrupted},
};
use crate::{
    Client,
    args::SubmitArgs,
    error::{ClientError, Error},
    fetch::{Existing, Fetched, fetch},
    job_file::{self, WrittenJob},
    output::{Form, Output},
    upload::upload_file,
};

/// One line of `--json` output.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Submitted { jobs: &'a [JobId] },
    Fetched { job: JobId, dir: &'a Path, files: &'a [Fetched] },
}

pub(super) async fn submit(client: &Client, args: SubmitArgs, out: &Output) -> Result<(), Error> {
    let SubmitArgs { file, wait, out: dir, force, name, pay, idempotency_key } = args;
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let mut written = job_file::read(&file)?;
    if let Some(name) = name {
        written.iter_mut().for_each(|job| job.rename(&name));
    }
    let key = idempotency_key.unwrap_or_else(|| Uuid::new_v4().to_string());
    let told = Told::now(client, &written, pay.into(), out).await;
    let submitting = async {
        let specs = upload_inputs(client, written.clone(), |label| out.bytes_bar(label)).await?;
        let pay = told.pay(client, &written, out).await;
        Ok(send(client, specs, (pay, &key)).await?)
    };
    let jobs = until_interrupted(&[], submitting).await?;
    match out.form() {
        Form::Json => out.json(&Line::Submitted { jobs: &jobs })?,
        Form::Text => out.print(&jobs.iter().map(|job| format!("{job}\n")).collect::<String>())?,
    }
    if wait || dir.is_some() {
        until_interrupted(&jobs, see_through(client, &jobs, dir.as_deref(), existing, out)).await?;
    } else if let [job] = jobs[..] {
        out.remark(format_args!("Follow it with:  headframe watch {job}"));
    }
    Ok(())
}

/// A quote that is older is asked for again: it stands for a minute, and a submission takes a moment.
const QUOTE_AGE_MAX: Duration = Duration::from_secs(45);

/// What the jobs would cost, as it was said before anything was sent.
struct Told {
    pay_in: PayIn,
    estimate: Option<Estimate>,
    at: Instant,
}

impl Told {
    /// Says it. That it cannot be said now is no reason not to submit.
    async fn now(client: &Client, written: &[WrittenJob], pay_in: PayIn, out: &Output) -> Self {
        let is_read = out.form() == Form::Text;
        let estimate = if is_read || pay_in == PayIn::Hfr { quote::estimate(client, written).await.ok() } else { None };
        if let Some(estimate) = estimate.as_ref().filter(|_| is_read) {
            out.remark(quote::told(estimate, Some(pay_in)));
        }
        Self { pay_in, estimate, at: Instant::now() }
    }

    /// How the jobs are paid now: in HFR at the price that was said. If sending the inputs took longer than a quote stands, at a new
    /// one, and that is said too.
    async fn pay(self, client: &Client, written: &[WrittenJob], out: &Output) -> Pay {
        let Self { pay_in, estimate, at } = self;
        if pay_in == PayIn::Usd {
            return Pay::Dollars;
        }
        let before = estimate.as_ref().and_then(Estimate::picos_per_hfr);
        if before.is_none() || at.elapsed() < QUOTE_AGE_MAX {
            return Pay::Hfr { quoted: before };
        }
        let estimate = quote::estimate(client, written).await.ok();
        let quoted = estimate.as_ref().and_then(Estimate::picos_per_hfr);
        if let Some(estimate) = estimate.filter(|_| quoted != before && out.form() == Form::Text) {
            out.remark(format_args!("The price of HFR has changed.\n{}", quote::told(&estimate, Some(pay_in))));
        }
        Pay::Hfr { quoted }
    }
}

/// Uploads what the jobs need and submits them, all or none. The same `key` submits the same jobs once; that is only seen
/// if the uploads are the same too, so an upload is made once per file.
///
/// # Errors
/// [`Error`]: upload or submission.
pub async fn submit_jobs(
    client: &Client,
    written: Vec<WrittenJob>,
    paid: (Pay, &str),
    bar: impl Fn(String) -> ProgressBar,
) -> Result<Vec<JobId>, Error> {
    let specs = upload_inputs(client, written, bar).await?;
    Ok(send(client, specs, paid).await?)
}

async fn upload_inputs(
    client: &Client,
    written: Vec<WrittenJob>,
    bar: impl Fn(String) -> ProgressBar,
) -> Result<Vec<JobSpec>, Error> {
    let mut uploaded: HashMap<std::path::PathBuf, Upload> = HashMap::new();
    let mut specs: Vec<JobSpec> = Vec::with_capacity(written.len());
    for job in written {
        let mut uploads = Vec::with_capacity(job.files.len());
        for file in &job.files {
            let known = uploaded.get(&file.path).cloned();
            let upload = match known {
                Some(upload) => upload,
                None => {
                    let bar = bar(file.path.file_name().unwrap_or(file.path.as_os_str()).to_string_lossy().into_owned());
                    let upload = upload_file(client, &file.path, &bar).await.map_err(Error::Upload)?;
                    bar.finish_and_clear();
                    upload
                }
            };
            uploaded.insert(file.path.clone(), upload.clone());
            uploads.push(upload);
        }
        specs.push(job.with_uploads(&uploads));
    }
    Ok(specs)
}

async fn send(client: &Client, specs: Vec<JobSpec>, (pay, key): (Pay, &str)) -> Result<Vec<JobId>, ClientError> {
    match &specs[..] {
        [spec] if spec.array.is_none() => Ok(vec![client.submit(spec, pay, key).await?.id]),
        _ => Ok(client.submit_batch(&Batch { jobs: specs }, pay, key).await?.jobs),
    }
}

/// Follows every job to its end and fetches what succeeded.
async fn see_through(client: &Client, jobs: &[JobId], dir: Option<&Path>, existing: Existing, out: &Output) -> Result<(), Error> {
    let ended = follow_jobs(client, jobs, out).await?;
    let all = ended.len();
    let mut failed = Vec::new();
    for job in ended {
        let id = job.id;
        if let Err(error) = outcome(job) {
            out.remark(error.sentence());
            failed.push(error);
        } else if let Some(dir) = dir {
            let own = if all > 1 { dir.join(id.to_string()) } else { dir.to_owned() };
            bring(client, id, &own, existing, out).await?;
        }
    }
    match (failed.len(), failed.pop()) {
        (0, _) | (_, None) => Ok(()),
        (1, Some(error)) if all == 1 => Err(error),
        (failed, Some(_)) => Err(Error::JobsEnded { failed, all }),
    }
}

async fn bring(client: &Client, job: JobId, dir: &Path, existing: Existing, out: &Output) -> Result<(), Error> {
    let bar = out.bytes_bar("Fetching");
    let files = fetch(client, job, dir, existing, &bar).await?;
    bar.finish_and_clear();
    match out.form() {
        Form::Json => out.json(&Line::Fetched { job, dir, files: &files }),
        Form::Text => {
            let names = files.iter().map(|file| format!("  {}\n", file.saved.display())).collect::<String>();
            out.print(&format!("{} files, all verified:\n{names}", files.len()))
        }
    }
}
