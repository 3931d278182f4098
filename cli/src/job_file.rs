//! What a person writes in `job.yaml`, turned into what the coordinator accepts.
//!
//! YAML or JSON; one job, several documents, or a list of jobs. Beyond [`JobSpec`] an input may say `file: path` instead of
//! `upload` and `sha256`: the file is uploaded first, and its sum and (if absent) its name are filled in. Everything is
//! checked before the first byte is uploaded, with the same rules the coordinator has.

use std::{
    io,
    path::{Path, PathBuf},
};

use headframe_protocol::{Sha256, UploadId, api::Upload, error::FieldError, job::JobSpec};
use serde_json::{Map, Value};

/// The largest job file, in bytes. Jobs' data belongs into inputs.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Why a job file is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum JobFileError {
    /// It cannot be read.
    #[error("could not read the job file {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is neither YAML nor JSON.
    #[error("the job file is neither YAML nor JSON: {0}")]
    Syntax(String),
    /// There is no job in it.
    #[error("the job file has no job")]
    Empty,
    /// A job in it is not right.
    #[error("{}the job cannot be submitted:{}", which(*.job, *.jobs), lines(.errors))]
    Invalid {
        /// Which job, from 1.
        job: usize,
        /// Of how many.
        jobs: usize,
        /// What is wrong.
        errors: Vec<FieldError>,
    },
}

fn which(job: usize, jobs: usize) -> String {
    if jobs > 1 { format!("job {job} of {jobs}: ") } else { String::new() }
}

fn lines(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("\n  {}: {}", error.field, error.message)).collect()
}

/// One job as written, with the files it needs uploaded first.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenJob {
    spec: JobSpec,
    /// Local files by the index of their input.
    pub files: Vec<LocalFile>,
}

/// A local file that becomes an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Which of the job's inputs.
    pub input: usize,
    /// Where it is here.
    pub path: PathBuf,
}

impl WrittenJob {
    /// The job, when `uploads` has one upload for each of [`Self::files`], in their order.
    #[must_use]
    pub fn with_uploads(mut self, uploads: &[Upload]) -> JobSpec {
        assert_eq!(self.files.len(), uploads.len(), "every local file is uploaded before the job is submitted");
        for (file, upload) in self.files.iter().zip(uploads) {
            let input = &mut self.spec.inputs[file.input];
            (input.upload, input.sha256) = (Some(upload.id), upload.sha256);
        }
        self.spec
    }

    /// The job as far as it is known before its files are uploaded: enough to say what it would cost.
    #[must_use]
    pub const fn spec(&self) -> &JobSpec {
        &self.spec
    }

    /// Gives the job another name.
    pub fn rename(&mut self, name: &str) {
        self.spec.name = Some(name.to_owned());
    }
}

/// Reads the jobs in `path`; `-` is standard input.
///
/// # Errors
/// [`JobFileError`] naming job and field.
pub fn read(path: &Path) -> Result<Vec<WrittenJob>, JobFileError> {
    use io::Read as _;
    let failed = |source| JobFileError::Read { path: path.to_owned(), source };
    let from_stdin = path == Path::new("-");
    let source: Box<dyn io::Read> =
        if from_stdin { Box::new(io::stdin().lock()) } else { Box::new(std::fs::File::open(path).map_err(failed)?) };
    let mut text = String::new();
    source.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(JobFileError::Syntax(format!("it is larger than {} MiB", FILE_BYTES_MAX / 1024 / 1024)));
    }
    let folder = if from_stdin { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
    parse(&text, folder)
}

/// The jobs in `text`; files are looked for from `folder`.
///
/// # Errors
/// [`JobFileError`] naming job and field.
pub fn parse(text: &str, folder: &Path) -> Result<Vec<WrittenJob>, JobFileError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| JobFileError::Syntax(error.to_string()))?;
    let jobs: Vec<Value> = documents
        .into_iter()
        .filter(|document| !document.is_null())
        .flat_map(|document| match document {
            Value::Array(jobs) => jobs,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![document],
        })
        .collect();
    if jobs.is_empty() {
        return Err(JobFileError::Empty);
    }
    let count = jobs.len();
    let written = |(at, job)| one(job, folder).map_err(|errors| JobFileError::Invalid { job: at + 1, jobs: count, errors });
    jobs.into_iter().enumerate().map(written).collect()
}

fn one(mut job: Value, folder: &Path) -> Result<WrittenJob, Vec<FieldError>> {
    let mut files = Vec::new();
    if let Some(inputs) = job.get_mut("inputs").and_then(Value::as_array_mut) {
        for (at, input) in inputs.iter_mut().enumerate() {
            let Some(input) = input.as_object_mut() else { continue };
            if let Some(file) = input.remove("file") {
                let path = local_path(at, &file, input, folder).map_err(|error| vec![error])?;
                files.push(LocalFile { input: at, path });
            }
        }
    }
    if let Some(price) = job.get_mut("max_price_per_hour")
        && price.is_u64()
    {
        *price = Value::String(price.to_string());
    }
    let spec: JobSpec = serde_path_to_error::deserialize(&job).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.into_inner().to_string());
        vec![FieldError::new(if path == "." { "job" } else { &path }, &message)]
    })?;
    let problems = spec.problems();
    if problems.is_empty() { Ok(WrittenJob { spec, files }) } else { Err(problems) }
}

/// Where the file of input `at` is. What the upload will tell stands in for itself until then.
fn local_path(at: usize, file: &Value, input: &mut Map<String, Value>, folder: &Path) -> Result<PathBuf, FieldError> {
    let field = format!("inputs[{at}].file");
    let wrong = |message: &str| FieldError::new(&field, message);
    let name = file.as_str().filter(|name| !name.is_empty()).ok_or_else(|| wrong("the path of a local file"))?;
    if ["url", "upload", "sha256"].iter().any(|other| input.contains_key(*other)) {
        return Err(wrong("stands alone: it takes the place of url, upload and sha256"));
    }
    let path = folder.join(name);
    if !path.is_file() {
        return Err(wrong(&format!("{} is not a file here", path.display())));
    }
    if !input.contains_key("path") {
        let own = path.file_name().and_then(|own| own.to_str()).ok_or_else(|| wrong("needs a `path` beside it"))?;
        input.insert("path".to_owned(), Value::String(own.to_owned()));
    }
    input.insert("upload".to_owned(), Value::String(UploadId::generate().to_string()));
    input.insert("sha256".to_owned(), Value::String(Sha256::from_bytes([0; 32]).to_string()));
    Ok(path)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const IMAGE: &str = "image: 127.0.0.1:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(text: &str, expected: &Expect) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("clip.mkv"), "film").expect("a file");
        let text = text.replace("IMAGE", IMAGE);
        let told = match parse(&text, folder.path()) {
            Ok(jobs) => jobs.iter().map(told).collect::<Vec<_>>().join("\n"),
            Err(error) => error.to_string().replace(&folder.path().display().to_string(), "DIR"),
        };
        expected.assert_eq(&told);
    }

    fn told(job: &WrittenJob) -> String {
        let WrittenJob { spec, files } = job;
        let files: Vec<_> = files.iter().map(|file| (file.input, spec.inputs[file.input].path.as_str())).collect();
        format!("{} {} {files:?}", spec.name.as_deref().unwrap_or("-"), spec.max_price_per_hour)
    }

    #[test]
    fn a_local_file_keeps_its_name() {
        check(
            "IMAGE\nmax_price_per_hour: 250000\ninputs: [{file: clip.mkv}, {file: clip.mkv, path: a/b}]",
            &expect![[r#"- $0.25 [(0, "clip.mkv"), (1, "a/b")]"#]],
        );
    }

    #[test]
    fn documents_and_lists_are_several_jobs() {
        check(
            "IMAGE\nname: a\nmax_price_per_hour: '1'\n---\n- {IMAGE, name: b, max_price_per_hour: '2'}\n",
            &expect![[r#"
            a $0.000001 []
            b $0.000002 []"#]],
        );
    }

    #[test]
    fn mistakes_name_their_field() {
        check(
            "IMAGE\nmax_price_per_hour: '1'\ninputs: [{file: gone.mkv}]",
            &expect![[r#"
            the job cannot be submitted:
              inputs[0].file: DIR/gone.mkv is not a file here"#]],
        );
        check(
            "IMAGE\nmax_price_per_hour: '1'\nenv: {FRAME: 1}",
            &expect![[r#"
            the job cannot be submitted:
              env.FRAME: invalid type: integer `1`, expected a string"#]],
        );
        check(
            "IMAGE\nmax_price_per_hour: '1'\ntimout_s: 5",
            &expect![[r#"
            the job cannot be submitted:
              timout_s: unknown field `timout_s`, expected one of `name`, `image`, `command`, `args`, `env`, `resources`, `inputs`, `outputs`, `array`, `timeout_s`, `max_price_per_hour`, `max_failures`, `on_disconnect`, `network`, `verify`, `checkpoint`, `content`, `placement`, `webhook`"#]],
        );
        check(
            "image: [",
            &expect![[r#"
            the job file is neither YAML nor JSON: error: line 1 column 8: unclosed bracket '['
             --> <input>:1:8
              |
            1 | image: [
              |        ^ unclosed bracket '['"#]],
        );
    }
}
