//! Tests worth running for long: the same ones again and again, or with other random numbers than the usual ones.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use super::{WORKSPACE, nextest};
use crate::{
    check, contracts,
    engine::Engine,
    process::{self, cargo},
    section::{Section, Sections},
    setup::{self, Area, Tool},
    ui, workspace,
};

/// What the tests of sudden deaths are told in a long run: to try every point, and how many kills at random.
const DEATHS: [(&str, &str); 2] = [("HEADFRAME_CRASH", "all"), ("HEADFRAME_CRASH_KILLS", "500")];

/// How long a fuzz target is fed.
const FUZZ_SECONDS: u32 = 60;

/// Histories of money in a long run: fifty times those of an ordinary one.
const HISTORIES: u32 = 10_000;
/// The test that tells them.
const HISTORIES_TEST: &str = "settlement::histories::whatever_happens_the_money_adds_up";
/// The histories count on from twice the seed, in 32 bits; what is left above is for the rounds.
pub(super) const SEED_MAX: u32 = 1_000_000_000;

/// The kinds.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LongRun {
    /// Kills, cuts and full disks.
    Faults,
    /// Random bytes at everything that is parsed.
    Fuzz,
    /// Random histories of money, the contracts with random numbers, and the contracts without each of their guards.
    Money,
    /// Every page in every scene, in every language and theme: whether everybody can use it.
    Pages,
}

/// Every fault, `repeat` times in a row.
pub(super) fn faults(repeat: u32) -> Result<ExitCode> {
    let mut sections = Sections::all();
    let ready = sections.run(Section::SetUp, || {
        setup::ensure(&[Area::Build, Area::WindowBuild, Area::Contracts, Area::Engine, Area::Testbed])?;
        check::page()?;
        contracts::build()?;
        setup::install_tool(&Tool::NEXTEST)
    });
    let engine = sections.run_with(Section::Engine, ready, |()| Engine::ensure());
    sections.run_with(Section::Faults, engine.as_ref(), |_| {
        // One run after the other: a run of nextest's own `--stress-count` has been seen to end well with one of its rounds failed.
        for round in 1..=repeat {
            println!("Round {round} of {repeat}.");
            process::run(nextest("all()").args(["--profile", "faults"]).envs(DEATHS))?;
        }
        Ok(())
    });
    drop(engine);
    Ok(sections.finish())
}

/// Every page in every language, `repeat` times in a row.
pub(super) fn pages(repeat: u32) -> Result<ExitCode> {
    let mut sections = Sections::all();
    let ready = sections.run(Section::SetUp, || setup::ensure(&[Area::Ui, Area::Browser]));
    let packages = sections.run_with(Section::UiPackages, ready, |()| ui::install());
    sections.run_with(Section::Chromium, packages, |()| (0..repeat).try_for_each(|_| ui::end_to_end(ui::Looks::EveryLanguage)));
    Ok(sections.finish())
}

/// `repeat` minutes of random bytes at every target.
pub(super) fn fuzz(repeat: u32) -> Result<ExitCode> {
    let mut sections = Sections::all();
    let ready = sections.run(Section::SetUp, || {
        setup::ensure(&[Area::Build, Area::Fuzz])?;
        setup::install_tool(&Tool::FUZZ)
    });
    let folder = workspace::root().join("protocol/fuzz");
    sections.run_with(Section::Fuzz, ready, |()| {
        for target in targets(&folder)? {
            let mut fuzz = cargo();
            fuzz.args(["fuzz", "run", "--fuzz-dir"]).arg(&folder).arg(&target);
            fuzz.args(["--", &format!("-max_total_time={}", FUZZ_SECONDS * repeat)]);
            // The sanitizer's flags are unstable; this lets the pinned compiler take them, so no second one is needed.
            process::run(fuzz.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", workspace::target().join("fuzz")))?;
        }
        Ok(())
    });
    Ok(sections.finish())
}

fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = std::fs::read_dir(folder.join("fuzz_targets")).context("there are no fuzz targets in protocol/fuzz")?;
    let mut names: Vec<String> = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// `repeat` rounds of histories and of calls of the contracts, each with the next seed; then, once, what no seed changes.
pub(super) fn money(repeat: u32, seed: Option<u32>) -> Result<ExitCode> {
    let first = seed.unwrap_or_else(random_seed);
    println!("Seed {first}: `--profile money --seed {first}` does the same again.");
    let mut sections = Sections::all();
    let ready = sections.run(Section::SetUp, || {
        setup::ensure(&[Area::Build, Area::WindowBuild, Area::Contracts])?;
        check::page()?;
        contracts::build()
    });
    let rounds = || (1..=repeat).zip(first..);
    sections.run_with(Section::Histories, ready, |()| {
        rounds().try_for_each(|(round, seed)| {
            println!("Round {round} of {repeat}, seed {seed}.");
            histories(seed)
        })
    });
    sections.run_with(Section::ContractsFuzz, ready, |()| {
        rounds().try_for_each(|(round, seed)| {
            println!("Round {round} of {repeat}, seed {seed:#x}.");
            contracts::fuzz(seed)
        })
    });
    sections.run_with(Section::Mutations, ready, |()| contracts::mutate());
    Ok(sections.finish())
}

/// The standard library's only source of random numbers.
fn random_seed() -> u32 {
    let number = RandomState::new().build_hasher().finish() % u64::from(SEED_MAX);
    u32::try_from(number).expect("it is below a 32-bit number")
}

/// By cargo's own runner: nextest ends a test after minutes, and shows what was told only of one that failed.
fn histories(seed: u32) -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--quiet"]).args(WORKSPACE).args(["--lib", "--", "--exact", HISTORIES_TEST, "--nocapture"]);
    test.env("HEADFRAME_HISTORIES", HISTORIES.to_string()).env("HEADFRAME_HISTORIES_SEED", seed.to_string());
    process::run(&mut test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_and_the_variables_are_called_what_a_long_run_calls_them() {
        let file = workspace::root().join("coordinator/src/settlement/histories.rs");
        let text = std::fs::read_to_string(file).expect("the histories");
        let test = HISTORIES_TEST.rsplit("::").next().expect("a name");
        for name in [format!("fn {test}()"), "(\"HEADFRAME_HISTORIES\")".to_owned(), "(\"HEADFRAME_HISTORIES_SEED\")".to_owned()]
        {
            assert!(text.contains(&name), "{name}");
        }
    }

    #[test]
    fn the_tests_of_deaths_listen_to_what_a_long_run_tells_them() {
        let folder = workspace::root().join("testbed/tests/it");
        let texts = ["fault_crash.rs", "fault_crash/random.rs"].map(|file| std::fs::read_to_string(folder.join(file)));
        let text: String = texts.into_iter().map(|text| text.expect("the tests of sudden deaths")).collect();
        for (variable, _) in DEATHS {
            assert!(text.contains(&format!("\"{variable}\"")), "{variable}");
        }
    }

    #[test]
    fn a_random_seed_is_one_that_can_be_given() {
        assert!((0..100).all(|_| random_seed() < SEED_MAX));
    }
}
