//! What makes a job specification acceptable. Pure, complete: all problems at once, each naming its field.

use std::collections::BTreeSet;

use url::Url;

use super::{Input, JobSpec, Resources};
use crate::{Micros, error::FieldError, rig::GpuVendor};

/// How large anything a customer sends may be, each with its reason.
pub mod limits {
    /// A name is a label in a list.
    pub const NAME_CHARS_MAX: usize = 120;
    /// Together with args and env well inside a session frame.
    pub const COMMAND_WORDS_MAX: usize = 256;
    /// The kernel allows 128 KiB a word; a quarter of a frame is enough for all of them.
    pub const COMMAND_BYTES_MAX: usize = 64 * 1024;
    /// Environments in the wild have tens of variables.
    pub const ENV_MAX: usize = 256;
    /// Like the command's.
    pub const ENV_BYTES_MAX: usize = 64 * 1024;
    /// More inputs belong in an archive.
    pub const INPUTS_MAX: usize = 256;
    /// Named paths; each may be a folder.
    pub const OUTPUTS_MAX: usize = 64;
    /// POSIX's portable path length is 256; twice that is generous.
    pub const PATH_BYTES_MAX: usize = 512;
    /// A URL longer than this is not fetched by common servers either.
    pub const URL_BYTES_MAX: usize = 2_048;
    /// One week: a longer run needs checkpoints between attempts anyway.
    pub const TIMEOUT_S_MAX: u32 = 7 * 24 * 3_600;
    /// Jobs in one batch: one transaction that still commits in well under a second.
    pub const BATCH_MAX: usize = 1_000;
    /// What one batch makes the coordinator keep in memory and write in one transaction: a thousand jobs of 32 KiB each.
    pub const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;
    /// A specification as JSON. It travels in an offer, and a quarter of a session frame is enough for the rest of that.
    pub const SPEC_BYTES_MAX: usize = crate::FRAME_BYTES_MAX / 4 * 3;
    /// A day beyond the lease.
    pub const KEEP_FOR_S_MAX: u32 = 24 * 3_600;
    /// A job that needs more hosts than this does not know which it needs.
    pub const EGRESS_HOSTS_MAX: usize = 16;
    /// What one attempt may exchange with its hosts unless it says otherwise: the packages of most programs.
    pub const EGRESS_BYTES_DEFAULT: u64 = 1 << 30;
    /// More than a home's line carries in the longest job.
    pub const EGRESS_BYTES_MAX: u64 = 1 << 40;
    /// $1,000 an hour is above every machine on any market today.
    pub const PRICE_PER_HOUR_MICROS_MAX: i64 = 1_000_000_000;
}

/// Prefixes of variables that change how programs are loaded or which devices they see.
const ENV_FORBIDDEN: [&str; 3] = ["LD_", "NVIDIA_", "GLIBC_TUNABLES"];

pub(super) fn problems(spec: &JobSpec) -> Vec<FieldError> {
    let mut found = Vec::new();
    let mut say = |field: &str, message: &str| found.push(FieldError::new(field, message));
    if spec.name.as_ref().is_some_and(|name| name.chars().count() > limits::NAME_CHARS_MAX || name.chars().any(char::is_control))
    {
        say("name", "at most 120 characters, no control characters");
    }
    for (field, words) in [("command", &spec.command), ("args", &spec.args)] {
        if words.len() > limits::COMMAND_WORDS_MAX || words.iter().map(String::len).sum::<usize>() > limits::COMMAND_BYTES_MAX {
            say(field, "at most 256 words and 64 KiB together");
        }
        if words.iter().any(|word| word.contains('\0')) {
            say(field, "words cannot contain a zero byte");
        }
    }
    if spec.timeout_s == 0 || spec.timeout_s > limits::TIMEOUT_S_MAX {
        say("timeout_s", "1 to 604800 seconds (a week)");
    }
    if !(Micros::new(1)..=Micros::new(limits::PRICE_PER_HOUR_MICROS_MAX)).contains(&spec.max_price_per_hour) {
        say("max_price_per_hour", "\"1\" to \"1000000000\" micro-dollars ($1,000)");
    }
    if spec.max_failures == 0 || spec.max_failures > 10 {
        say("max_failures", "1 to 10");
    }
    if spec.on_disconnect.keep_for_s > limits::KEEP_FOR_S_MAX {
        say("on_disconnect.keep_for_s", "at most 86400 seconds (a day)");
    }
    if spec.array.is_some_and(|range| range.to < range.from || (range.to - range.from) as usize >= limits::BATCH_MAX) {
        say("array", "`from` to `to`, at most 1000 jobs");
    }
    if spec.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.every_s == 0) {
        say("checkpoint.every_s", "at least 1 second");
    }
    if spec.webhook.as_ref().is_some_and(|url| !is_web(url)) {
        say("webhook", "an http or https address without a user name, at most 2048 bytes");
    }
    if spec.placement.countries.len() > 250 || !spec.placement.countries.iter().all(|code| is_country(code)) {
        say("placement.countries", "two capital letters each, as in ISO 3166-1");
    }
    env(spec, &mut found);
    spec.network.check(&mut found);
    super::verify::check(spec, &mut found);
    resources(&spec.resources, &mut found);
    files(spec, &mut found);
    found.extend(too_long(spec));
    found
}

/// A specification that does not fit into an offer, by its largest part.
fn too_long(spec: &JobSpec) -> Option<FieldError> {
    let bytes = spec.bytes();
    if bytes <= limits::SPEC_BYTES_MAX {
        return None;
    }
    let parts = serde_json::to_value(spec).ok()?;
    let largest = parts.as_object()?.iter().max_by_key(|(_, part)| part.to_string().len());
    let message =
        format!("shorter: the specification is {bytes} bytes of JSON, at most {} fit into an offer", limits::SPEC_BYTES_MAX);
    largest.map(|(field, _)| FieldError::new(field, &message))
}

fn env(spec: &JobSpec, found: &mut Vec<FieldError>) {
    let bytes: usize = spec.env.iter().map(|(name, value)| name.len() + value.len()).sum();
    if spec.env.len() > limits::ENV_MAX || bytes > limits::ENV_BYTES_MAX {
        found.push(FieldError::new("env", "at most 256 variables and 64 KiB together"));
    }
    for (name, value) in &spec.env {
        let field = format!("env.{}", name.chars().take(40).collect::<String>());
        let shaped =
            name.bytes().enumerate().all(|(at, b)| b == b'_' || b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit()));
        if name.is_empty() || !shaped {
            found.push(FieldError::new(&field, "letters, digits and _, not beginning with a digit"));
        }
        if ENV_FORBIDDEN.iter().any(|prefix| name.starts_with(prefix)) {
            found.push(FieldError::new(&field, "variables that change the loader or the devices are not accepted"));
        }
        if name.starts_with("HEADFRAME_") {
            found.push(FieldError::new(&field, "names beginning with HEADFRAME_ are ours"));
        }
        if value.contains('\0') {
            found.push(FieldError::new(&field, "values cannot contain a zero byte"));
        }
    }
}

fn resources(resources: &Resources, found: &mut Vec<FieldError>) {
    let Resources { gpu, cpu, memory_gib, disk_gib } = resources;
    let mut range = |field: &str, value: u32, max: u32| {
        if value == 0 || value > max {
            found.push(FieldError::new(field, &format!("1 to {max}")));
        }
    };
    range("resources.cpu", u32::from(*cpu), 512);
    range("resources.memory_gib", u32::from(*memory_gib), 4_096);
    range("resources.disk_gib", u32::from(*disk_gib), 16_384);
    if let Some(gpu) = gpu {
        range("resources.gpu.count", u32::from(gpu.count), 16);
        if gpu.vram_gib > 1_024 {
            found.push(FieldError::new("resources.gpu.vram_gib", "at most 1024"));
        }
        let elsewhere = gpu.vendor.is_some_and(|vendor| vendor != GpuVendor::Nvidia);
        if elsewhere && gpu.compute_capability_min.is_some() {
            found.push(FieldError::new(
                "resources.gpu.compute_capability_min",
                "left out, or `vendor: nvidia`: no other vendor's GPUs have a compute capability",
            ));
        }
    }
}

fn files(spec: &JobSpec, found: &mut Vec<FieldError>) {
    if spec.inputs.len() > limits::INPUTS_MAX {
        found.push(FieldError::new("inputs", "at most 256"));
    }
    if spec.outputs.len() > limits::OUTPUTS_MAX {
        found.push(FieldError::new("outputs", "at most 64"));
    }
    let mut taken = BTreeSet::new();
    for (at, Input { url, upload, sha256: _, path }) in spec.inputs.iter().enumerate() {
        match (url, upload) {
            (Some(url), None) if is_web(url) => {}
            (Some(_), None) => found.push(FieldError::new(
                &format!("inputs[{at}].url"),
                "an http or https address without a user name, at most 2048 bytes",
            )),
            (None, Some(_)) => {}
            (Some(_), Some(_)) | (None, None) => {
                found.push(FieldError::new(&format!("inputs[{at}]"), "exactly one of `url` and `upload`"))
            }
        }
        if !is_work_path(path) {
            found.push(FieldError::new(&format!("inputs[{at}].path"), WORK_PATH));
        }
        if !taken.insert(path.as_str()) {
            found.push(FieldError::new(&format!("inputs[{at}].path"), "two inputs cannot have the same path"));
        }
    }
    for path in &taken {
        let inside = |other: &&&str| other.strip_prefix(*path).is_some_and(|rest| rest.starts_with('/'));
        if taken.iter().any(|other| inside(&other)) {
            found.push(FieldError::new("inputs", "an input's path cannot be a folder of another"));
        }
    }
    for (at, path) in spec.outputs.iter().enumerate() {
        if !is_work_path(path) {
            found.push(FieldError::new(&format!("outputs[{at}]"), WORK_PATH));
        }
    }
    if let Some(checkpoint) = &spec.checkpoint {
        let path = checkpoint.path.as_str();
        if !is_work_path(path) {
            found.push(FieldError::new("checkpoint.path", WORK_PATH));
        }
        // Both are placed before the start, and neither may be in the other's way.
        if taken.iter().any(|input| is_within(input, path) || is_within(path, input)) {
            found.push(FieldError::new("checkpoint.path", "a place of its own: no input may be it, hold it or lie in it"));
        }
    }
}

/// Whether `path` is `folder` or lies in it.
fn is_within(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

const WORK_PATH: &str = "a relative path under /work without `.`, `..`, empty parts or control characters, at most 512 bytes";

fn is_work_path(path: &str) -> bool {
    (1..=limits::PATH_BYTES_MAX).contains(&path.len())
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.len() <= 255)
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.as_str().len() <= limits::URL_BYTES_MAX
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: &str) -> Vec<String> {
        let mut spec = serde_json::json!({
            "image": "127.0.0.1:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "max_price_per_hour": "500000",
        });
        let change: serde_json::Value = serde_json::from_str(change).expect("a test's own JSON");
        for (key, value) in change.as_object().expect("an object") {
            spec[key] = value.clone();
        }
        let spec: JobSpec = serde_json::from_value(spec).expect("the shape is right");
        spec.problems().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn the_least_job_is_fine() {
        assert_eq!(check("{}"), Vec::<String>::new());
    }

    #[test]
    fn a_path_stays_under_work() {
        for path in ["../x", "/etc/passwd", "a//b", "a/../b", ".", "", "a\\\\b", "a\\u0007"] {
            assert_eq!(check(&format!(r#"{{"outputs":["{path}"]}}"#)), ["outputs[0]"], "{path}");
        }
        assert_eq!(check(r#"{"outputs":["frames/0001.png"]}"#), Vec::<String>::new());
    }

    #[test]
    fn the_loader_is_not_for_customers_to_change() {
        assert_eq!(
            check(r#"{"env":{"LD_PRELOAD":"x","NVIDIA_VISIBLE_DEVICES":"all","OK":"1"}}"#),
            ["env.LD_PRELOAD", "env.NVIDIA_VISIBLE_DEVICES"]
        );
    }

    #[test]
    fn an_input_has_one_source_and_one_place() {
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(check(&format!(r#"{{"inputs":[{{"sha256":"{sum}","path":"a"}}]}}"#)), ["inputs[0]"]);
        let two = format!(
            r#"{{"inputs":[{{"url":"http://a.example/x","sha256":"{sum}","path":"a"}},{{"url":"http://a.example/x","sha256":"{sum}","path":"a/b"}}]}}"#
        );
        assert_eq!(check(&two), ["inputs"]);
        assert_eq!(
            check(&format!(r#"{{"inputs":[{{"url":"file:///etc/passwd","sha256":"{sum}","path":"a"}}]}}"#)),
            ["inputs[0].url"]
        );
    }

    #[test]
    fn a_job_names_a_few_hosts_once_and_bounds_what_it_exchanges() {
        let allow = |hosts: Vec<String>, bytes: u64| {
            check(&serde_json::json!({"network": {"allow": hosts, "max_bytes": bytes}}).to_string())
        };
        let hosts = |count: usize| (0..count).map(|at| format!("h{at}.org")).collect::<Vec<_>>();
        assert_eq!(allow(hosts(16), 1), Vec::<String>::new());
        assert_eq!(allow(hosts(17), 1), ["network.allow"]);
        assert_eq!(allow(hosts(0), 1), ["network.allow"]);
        assert_eq!(allow(vec!["a.org".to_owned(), "A.org:443".to_owned()], 1), ["network.allow[1]"]);
        assert_eq!(allow(hosts(1), 0), ["network.max_bytes"]);
        assert_eq!(allow(hosts(1), limits::EGRESS_BYTES_MAX + 1), ["network.max_bytes"]);
    }

    #[test]
    fn only_nvidias_gpus_have_a_compute_capability() {
        let gpu = |rest: &str| check(&format!(r#"{{"resources":{{"gpu":{{"count":1,"compute_capability_min":"8.9"{rest}}}}}}}"#));
        assert_eq!(gpu(""), Vec::<String>::new());
        assert_eq!(gpu(r#","vendor":"nvidia""#), Vec::<String>::new());
        assert_eq!(gpu(r#","vendor":"amd""#), ["resources.gpu.compute_capability_min"]);
    }

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!(check(r#"{"placement":{"countries":["DE","FR"]}}"#), Vec::<String>::new());
        for wrong in ["de", "DEU", "D1", ""] {
            assert_eq!(check(&format!(r#"{{"placement":{{"countries":["{wrong}"]}}}}"#)), ["placement.countries"], "{wrong}");
        }
    }

    #[test]
    fn a_checkpoint_has_a_place_of_its_own() {
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let with_input = |input: &str| {
            let input = format!(r#"{{"url":"http://a.example/x","sha256":"{sum}","path":"{input}"}}"#);
            check(&format!(r#"{{"checkpoint":{{"path":"state/now","every_s":60}},"inputs":[{input}]}}"#))
        };
        assert_eq!(with_input("states"), Vec::<String>::new());
        assert_eq!(with_input("state/before"), Vec::<String>::new());
        for input in ["state", "state/now", "state/now/seed"] {
            assert_eq!(with_input(input), ["checkpoint.path"], "{input}");
        }
        assert_eq!(check(r#"{"checkpoint":{"path":"../x","every_s":60}}"#), ["checkpoint.path"]);
        assert_eq!(check(r#"{"checkpoint":{"path":"x","every_s":0}}"#), ["checkpoint.every_s"]);
    }

    #[test]
    fn a_specification_fits_into_an_offer_or_its_largest_part_is_named() {
        // Every control character is six bytes of JSON: what is short as text is not short in a frame.
        let args = |words: usize| format!(r#"{{"args":["{}"]}}"#, "\\u0001".repeat(words));
        assert_eq!(check(&args(30_000)), Vec::<String>::new());
        assert_eq!(check(&args(40_000)), ["args"]);
    }

    #[test]
    fn a_misspelt_limit_is_not_no_limit() {
        let text = r#"{"image":"127.0.0.1:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","max_price_per_hour":"1","timeout":5}"#;
        assert!(serde_json::from_str::<JobSpec>(text).is_err());
    }
}
