//! What our kernels reach of what the vendor's library reaches on the same card in the same minute, how long measuring takes, and how well scores
//! predict jobs.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::Figure;
use crate::{
    process::{capture, cargo, command, find, run, says_yes},
    setup::{self, Area},
    story,
    workspace::{self, Profile},
};

/// What our kernels should reach of the vendor's.
const RATIO_GOAL: f64 = 0.85;
/// How long a whole measurement may take, in seconds.
const SECONDS_GOAL: f64 = 40.0;
/// The vendor's library, by the framework most jobs use. Half a gigabyte and more, and only fetched where there is a card for it.
const TORCH: &str = "torch==2.9.*";

/// What the framework reaches, with random numbers, from warm, as a median. Single precision means it: no shortened formats.
const ANCHOR: &str = r#"
import json, statistics, torch
torch.backends.cuda.matmul.allow_tf32 = False
def rate(work, run):
    for _ in range(5):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(20):
        began, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        began.record(); run(); ended.record(); ended.synchronize()
        times.append(began.elapsed_time(ended) / 1e3)
    return work / statistics.median(times)
n = 8192
out = {}
for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
    a, b = (torch.rand(n, n, device="cuda", dtype=dtype) * 2 - 1 for _ in range(2))
    c = torch.empty(n, n, device="cuda", dtype=dtype)
    out[name] = rate(2 * n ** 3, lambda: torch.matmul(a, b, out=c))
    del a, b, c
a = torch.rand(1 << 28, device="cuda")
b = torch.empty_like(a)
out["copy"] = rate(2 * a.numel() * 4, lambda: b.copy_(a))
print(json.dumps(out))
"#;

/// What the agent prints of a measurement, as far as it is compared.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Benchmark {
    subject: Subject,
    measured: Vec<Measured>,
    fu: Option<u32>,
    took_ms: u32,
}

#[derive(Debug, Deserialize)]
struct Subject {
    kind: String,
    class: Option<String>,
    vendor: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Measured {
    figure: String,
    way: String,
    burst: Spread,
}

#[derive(Debug, Deserialize)]
struct Spread {
    median: f64,
}

/// What the framework prints.
#[derive(Debug, Deserialize)]
struct Anchor {
    fp32: f64,
    bf16: f64,
    copy: f64,
}

/// One machine's score and what it did: a file each in `target/bench/machines`.
#[derive(Debug, Deserialize)]
struct Machine {
    fu: f64,
    jobs_per_second: f64,
}

/// All figures of the area.
pub(super) fn measure() -> Result<Vec<Figure>> {
    setup::ensure(&[Area::Build, Area::Graphics])?;
    run(cargo().args(["build", "--release", "--package", "headframe-agent", "--bins"]))?;
    let folder = workspace::target_folder("bench")?;
    let began = Instant::now();
    let results = benchmark(&folder, &[])?;
    let seconds = began.elapsed().as_secs_f64();
    let mut figures = Vec::new();
    match results.iter().find(|result| result.is_nvidia()) {
        Some(ours) if says_yes(&mut command("nvidia-smi")) => {
            figures.extend(ratios(ours, &anchor(&folder)?));
            figures.push(seconds_figure(seconds, "the whole measurement"));
        }
        _ => {
            story::tell("No NVIDIA card is here that a driver lets compute: no ratio can be measured, and none is printed.");
            let software = benchmark(&folder, &["--software"])?;
            let of_software = software.iter().find(|result| result.subject.class.as_deref() == Some("software"));
            let took = of_software.context("there is no software adapter either")?.took_ms;
            figures.push(seconds_figure(
                f64::from(took) / 1e3,
                "a moment of each kernel on a software adapter; says nothing of a card",
            ));
        }
    }
    story::tell(predicts(&folder, &results)?);
    Ok(figures)
}

impl Benchmark {
    fn is_nvidia(&self) -> bool {
        self.subject.kind == "card" && self.subject.vendor.as_deref() == Some("nvidia") && self.fu.is_some()
    }

    /// The best of all ways.
    fn best(&self, figure: &str) -> Option<&Measured> {
        let found = self.measured.iter().filter(|measured| measured.figure == figure);
        found.max_by(|one, other| one.burst.median.total_cmp(&other.burst.median))
    }
}

/// What the agent measures, anew.
fn benchmark(folder: &Path, more: &[&str]) -> Result<Vec<Benchmark>> {
    let mut agent = command(workspace::binary(Profile::Release, "headframe-agent"));
    agent.arg("--data-dir").arg(folder.join("gpu")).args(["benchmark", "--again", "--json"]).args(more);
    serde_json::from_str(&capture(&mut agent)?).context("the agent printed something else than measurements")
}

/// What the vendor's library reaches here, in an environment of its own.
fn anchor(folder: &Path) -> Result<Anchor> {
    let home = folder.join("torch");
    let python = home.join("bin/python");
    if !says_yes(command(&python).args(["-c", "import torch"])) {
        let system = find("python3").context("comparing with the vendor's library needs Python 3")?;
        run(command(system).args(["-m", "venv"]).arg(&home))?;
        run(command(&python).args(["-m", "pip", "install", "--quiet", TORCH, "numpy"]))?;
    }
    let printed = capture(command(&python).args(["-c", ANCHOR]))?;
    serde_json::from_str(&printed).context("the framework printed something else than rates")
}

fn ratios(ours: &Benchmark, anchor: &Anchor) -> Vec<Figure> {
    let table = [
        ("gpu.copy_ratio", "memory_copy", anchor.copy),
        ("gpu.fp32_ratio", "gemm_fp32", anchor.fp32),
        ("gpu.bf16_ratio", "gemm_bf16", anchor.bf16),
    ];
    let card = ours.subject.name.as_deref().unwrap_or_default();
    let ratio = |(id, figure, theirs): (&str, &str, f64)| {
        let Measured { way, burst, .. } = ours.best(figure)?;
        Some(Figure {
            id: id.to_owned(),
            value: burst.median / theirs,
            unit: "ratio".to_owned(),
            baseline: RATIO_GOAL,
            note: format!("of torch on the same {card}, by {way}; at least the baseline"),
        })
    };
    table.into_iter().filter_map(ratio).collect()
}

fn seconds_figure(value: f64, what: &str) -> Figure {
    let note = format!("{what}; at most the baseline");
    Figure { id: "gpu.seconds".to_owned(), value, unit: "s".to_owned(), baseline: SECONDS_GOAL, note }
}

/// How well scores predict jobs, in words: over the machines whose results somebody has put beside each other.
fn predicts(folder: &Path, results: &[Benchmark]) -> Result<String> {
    let machines = machines(&folder.join("machines"))?;
    if machines.len() < 3 {
        let here = results.iter().filter(|result| result.fu.is_some()).count();
        return Ok(format!(
            "How well scores predict jobs cannot be told: {here} scored here, {} other machines in {}, and it takes three. \
             Each is a file such as {{\"fu\": 1000, \"jobs_per_second\": 2.5}}.",
            machines.len(),
            folder.join("machines").display()
        ));
    }
    let lines: String = machines.iter().map(|machine| format!("{} {}\n", machine.fu, machine.jobs_per_second)).collect();
    let correlation = ask(command(workspace::binary(Profile::Release, "headframe-benchmark")).arg("rank"), &lines)?;
    Ok(format!("Scores and jobs a second of {} machines: Spearman's rank correlation is {}.", machines.len(), correlation.trim()))
}

fn machines(folder: &Path) -> Result<Vec<Machine>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.context("could not list machines")?.path();
        let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no machine's score and jobs", path.display()))
    };
    entries.map(read).collect()
}

/// What a program answers to what it is told.
fn ask(program: &mut Command, told: &str) -> Result<String> {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("could not start a program")?;
    child.stdin.take().context("its input is ours")?.write_all(told.as_bytes()).context("could not tell it")?;
    let output = child.wait_with_output().context("could not hear it")?;
    if !output.status.success() {
        bail!("it ended with {}", output.status);
    }
    String::from_utf8(output.stdout).context("it did not answer in text")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = r#"[{"version":1,"agent":"0.1.0","subject":{"kind":"card","id":"0000:01:00.0","name":"A card","class":"discrete",
        "vendor":"nvidia","driver":"d"},"outcome":{"kind":"done"},"beganMs":1,"tookMs":33000,"measured":[
        {"figure":"gemm_fp32","way":"vulkan","burst":{"median":40000000000000,"p10":1,"p90":1,"slices":9},"noisy":false},
        {"figure":"gemm_fp32","way":"cuda","burst":{"median":45000000000000,"p10":1,"p90":1,"slices":9},"noisy":false},
        {"figure":"memory_copy","way":"vulkan","burst":{"median":900000000000,"p10":1,"p90":1,"slices":9},"noisy":false}],"failed":[],"fu":900}]"#;

    #[test]
    fn the_best_way_is_compared_and_what_was_not_measured_has_no_figure() {
        let results: Vec<Benchmark> = serde_json::from_str(PRINTED).expect("as the agent prints it");
        let figures = ratios(&results[0], &Anchor { fp32: 50e12, bf16: 150e12, copy: 1e12 });
        let told: Vec<(&str, f64)> = figures.iter().map(|figure| (figure.id.as_str(), figure.value)).collect();
        assert_eq!(told, [("gpu.copy_ratio", 0.9), ("gpu.fp32_ratio", 0.9)]);
        assert!(figures[1].note.contains("by cuda"), "{}", figures[1].note);
    }

    #[test]
    fn one_machine_predicts_nothing_and_says_so() {
        let results: Vec<Benchmark> = serde_json::from_str(PRINTED).expect("as the agent prints it");
        let said = predicts(Path::new("/nowhere"), &results).expect("said");
        assert!(said.starts_with("How well scores predict jobs cannot be told: 1 scored here, 0 other machines"), "{said}");
    }
}
