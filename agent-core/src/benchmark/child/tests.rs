//! The agent's side against programs that a test writes: every way in which one can misbehave.

use std::{fs, os::unix::fs::PermissionsExt as _};

use headframe_protocol::benchmark::{CardClass, Cpu};

use super::*;

struct Fake {
    dir: tempfile::TempDir,
}

impl Fake {
    /// A program of these shell commands.
    fn new(commands: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let program = dir.path().join(PROGRAM);
        fs::write(&program, format!("#!/bin/sh\n{commands}\n")).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("allowed");
        Self { dir }
    }

    fn measurer(&self) -> Measurer {
        Measurer::at(&self.dir.path().join(PROGRAM))
    }

    async fn measure(&self) -> Result<Benchmark, ChildError> {
        self.measurer().measure(&subject(), &CancellationToken::new(), &mut |_| ()).await
    }
}

fn subject() -> Subject {
    Subject::Cpu(Cpu { model: "a processor".to_owned(), cores: 2 })
}

fn progress() -> String {
    let told = Progress { stage: MeasureStage::Burst, figure: Some(Figure::FmaFp32), permille: 10, left_ms: 1 };
    format!("echo '{}'", Says::Progress(told).to_line())
}

fn done() -> Benchmark {
    Benchmark::without_figures("0.1.0", subject(), Outcome::Done, (clock::wall(), Duration::from_millis(7)))
}

#[tokio::test]
async fn what_the_program_measured_is_what_comes_back() {
    let benchmark = done();
    let says =
        format!("{}\necho drivers talk >&2\necho '{}'", progress(), Says::Benchmark(Box::new(benchmark.clone())).to_line());
    let mut told = Vec::new();
    let found = Fake::new(&says).measurer().measure(&subject(), &CancellationToken::new(), &mut |one| told.push(one)).await;
    assert_eq!(found.expect("measured"), benchmark);
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn a_crash_names_what_was_measured_when_it_came() {
    let found = Fake::new(&format!("{}\nkill -SEGV $$", progress())).measure().await.expect("a result");
    let Outcome::Crashed { during, message } = found.outcome else { panic!("{:?}", found.outcome) };
    assert_eq!(during, "single-precision multiply-adds");
    assert!(message.contains("signal"), "{message}");
}

#[tokio::test]
async fn a_card_whose_driver_dies_of_its_matrix_units_is_measured_without_them_once() {
    let card = |vendor| Card {
        id: "0000:03:00.0".to_owned(),
        name: "a card".to_owned(),
        class: CardClass::Discrete,
        vendor,
        pci: None,
        uuid: None,
        driver: "a driver".to_owned(),
        power_limit_milliwatts: None,
        power_limit_default_milliwatts: None,
    };
    let told = |figure| {
        let told = Progress { stage: MeasureStage::Burst, figure: Some(figure), permille: 10, left_ms: 1 };
        format!("echo '{}'", Says::Progress(told).to_line())
    };
    let measured = done();
    let done = format!("echo '{}'", Says::Benchmark(Box::new(measured.clone())).to_line());
    let tries = "echo \"$*\" >> \"$(dirname \"$0\")/tries\"";
    for (figure, vendor, again) in [
        (Figure::TensorFp16, Some(GpuVendor::Amd), true),
        (Figure::GemmInt8, None, true),
        (Figure::FmaFp32, Some(GpuVendor::Amd), false),
        (Figure::TensorFp16, Some(GpuVendor::Nvidia), false),
    ] {
        let fake = Fake::new(&format!("{tries}\n[ $# = 3 ] && {done} && exit\n{}\nkill -SEGV $$", told(figure)));
        let subject = Subject::Card(card(vendor));
        let found = fake.measurer().measure(&subject, &CancellationToken::new(), &mut |_| ()).await.expect("a result");
        assert_eq!(found == measured, again, "{figure:?} {found:?}");
        let tries = fs::read_to_string(fake.dir.path().join("tries")).expect("written");
        let wanted = ["card 0000:03:00.0\n", "card 0000:03:00.0 --without-matrix-units\n"];
        assert_eq!(tries, if again { wanted.concat() } else { wanted[0].to_owned() });
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_and_so_is_one_that_ignores_an_abort() {
    let hangs = Fake::new(&format!("{}\nexec sleep 600", progress()));
    let limit = Duration::from_millis(300);
    let found =
        hangs.measurer().within(limit).measure(&subject(), &CancellationToken::new(), &mut |_| ()).await.expect("a result");
    assert_eq!(found.outcome, Outcome::TimedOut { during: "single-precision multiply-adds".to_owned() });

    let stop = CancellationToken::new();
    let wanted = stop.clone();
    let found = hangs.measurer().measure(&subject(), &stop, &mut |_| wanted.cancel()).await.expect("a result");
    assert_eq!(found.outcome, Outcome::Aborted);
}

#[tokio::test]
async fn an_abort_is_asked_for_first_and_what_was_measured_until_then_is_kept() {
    let aborted = Benchmark { outcome: Outcome::Aborted, took_ms: 123, ..done() };
    let answer = format!("read word; [ \"$word\" = abort ] && echo '{}'", Says::Benchmark(Box::new(aborted.clone())).to_line());
    let stop = CancellationToken::new();
    let wanted = stop.clone();
    let fake = Fake::new(&format!("{}\n{answer}", progress()));
    let found = fake.measurer().measure(&subject(), &stop, &mut |_| wanted.cancel()).await.expect("a result");
    assert_eq!(found.outcome, Outcome::Aborted);
    // On a machine too busy to answer within the grace it is killed instead, and that is an abort as well.
    assert!(found == aborted || found.took_ms != 123, "{found:?}");
}

#[tokio::test]
async fn endless_lines_and_nonsense_are_refused() {
    let endless = Fake::new("exec yes | tr -d '\\n'").measure().await;
    assert!(matches!(endless, Err(ChildError::Line(LineError::TooLong))), "{endless:?}");
    let nonsense = Fake::new("echo hello").measure().await;
    assert!(matches!(nonsense, Err(ChildError::Line(LineError::Garbled(_)))), "{nonsense:?}");
    let silent = Fake::new("true").measurer().cards().await;
    assert!(matches!(silent, Err(ChildError::Silent)), "{silent:?}");
    let missing = Measurer::at(Path::new("/nowhere/headframe-benchmark")).cards().await;
    assert!(matches!(missing, Err(ChildError::Start { .. })), "{missing:?}");
}

#[tokio::test]
async fn the_program_gets_nothing_of_our_environment_but_what_drivers_need() {
    let names = "env -0 | tr '\\0' '\\n' | cut -d= -f1 | grep -v -e '^PWD$' -e '^_$' -e '^SHLVL$' -e '^OLDPWD$' > \"$(dirname \"$0\")/names\"";
    let fake = Fake::new(names);
    // The shell finds these programs by its own default path.
    fake.measure().await.expect("a result");
    let names = fs::read_to_string(fake.dir.path().join("names")).expect("written");
    assert!(env::var_os("PATH").is_some() && env::var_os("CARGO_PKG_NAME").is_some(), "there is something to leave out");
    for name in names.lines().filter(|name| *name != "PATH") {
        assert!(KEPT.contains(&name), "{name} was handed on");
    }
}
