//! A long run told in sections: each timed, none hiding the next, all of them in a table at the end.

use std::{
    collections::BTreeSet,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::ValueEnum;

/// Every section there is, in the order of a whole run: cheapest first, so that a slip of the pen is told before anything is
/// compiled. `cargo xtask test --section` takes these names, and the table at the end prints their titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Section {
    SetUp,
    UiPackages,
    UiBuild,
    UiTest,
    Contracts,
    LockFile,
    Format,
    Tidy,
    Clippy,
    Kernels,
    Build,
    Bindings,
    Rust,
    Docs,
    Postgres,
    Engine,
    Network,
    Chromium,
    Window,
    /// Only in `test --profile faults`.
    #[value(skip)]
    Faults,
    /// Only in `test --profile fuzz`.
    #[value(skip)]
    Fuzz,
    /// Only in `test --profile money`, like the next two.
    #[value(skip)]
    Histories,
    #[value(skip)]
    ContractsFuzz,
    #[value(skip)]
    Mutations,
    /// Only in `check --deny`.
    #[value(skip)]
    Deny,
    /// Only in `check --windows`.
    #[value(skip)]
    Windows,
    /// Only in `check --macos`.
    #[value(skip)]
    MacOs,
}

impl Section {
    const fn title(self) -> &'static str {
        match self {
            Self::SetUp => "set up",
            Self::UiPackages => "ui: packages",
            Self::UiBuild => "ui: build",
            Self::UiTest => "ui: types, lint, unit tests",
            Self::Contracts => "contracts",
            Self::LockFile => "lock file",
            Self::Format => "format",
            Self::Tidy => "tidy",
            Self::Clippy => "clippy",
            Self::Kernels => "kernels for NVIDIA cards",
            Self::Build => "build",
            Self::Bindings => "bindings",
            Self::Rust => "rust tests",
            Self::Docs => "rust examples in the docs",
            Self::Postgres => "coordinator on PostgreSQL",
            Self::Engine => "container engine",
            Self::Network => "runner and network on the engine",
            Self::Chromium => "ui in Chromium",
            Self::Window => "the real window",
            Self::Faults => "faults",
            Self::Fuzz => "fuzz",
            Self::Histories => "random histories of money",
            Self::ContractsFuzz => "contracts with random numbers",
            Self::Mutations => "contracts without their guards",
            Self::Deny => "deny",
            Self::Windows => "what Windows compiles",
            Self::MacOs => "what macOS compiles",
        }
    }

    /// The sections whose work this one uses; they run too when only this one is asked for.
    const fn needs(self) -> &'static [Self] {
        match self {
            Self::SetUp
            | Self::Faults
            | Self::Fuzz
            | Self::Histories
            | Self::ContractsFuzz
            | Self::Mutations
            | Self::Deny
            | Self::Windows
            | Self::MacOs => &[],
            Self::UiPackages
            | Self::Contracts
            | Self::LockFile
            | Self::Format
            | Self::Tidy
            | Self::Clippy
            | Self::Kernels
            | Self::Engine => &[Self::SetUp],
            Self::UiBuild | Self::UiTest | Self::Chromium => &[Self::SetUp, Self::UiPackages],
            Self::Build => &[Self::SetUp, Self::UiBuild],
            Self::Bindings | Self::Rust | Self::Docs | Self::Postgres => &[Self::Build],
            Self::Network => &[Self::Contracts, Self::Build, Self::Engine],
            Self::Window => &[Self::Build, Self::Engine],
        }
    }
}

/// What happened so far.
#[derive(Debug)]
pub(crate) struct Sections {
    /// Those that run; `None` for all.
    wanted: Option<BTreeSet<Section>>,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    section: Section,
    took: Duration,
    failure: Option<String>,
}

impl Sections {
    /// Everything runs.
    pub(crate) const fn all() -> Self {
        Self { wanted: None, done: Vec::new() }
    }

    /// Only the named ones run, with those they need; all if none is named.
    pub(crate) fn only(named: &[Section]) -> Self {
        if named.is_empty() {
            return Self::all();
        }
        let (mut wanted, mut open) = (BTreeSet::new(), named.to_vec());
        while let Some(section) = open.pop() {
            if wanted.insert(section) {
                open.extend(section.needs());
            }
        }
        Self { wanted: Some(wanted), done: Vec::new() }
    }

    /// Runs one section if it is wanted. Its failure is told at once and again at the end, and the value is then absent.
    pub(crate) fn run<T>(&mut self, section: Section, work: impl FnOnce() -> Result<T>) -> Option<T> {
        if self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(&section)) {
            return None;
        }
        println!("\n== {}", section.title());
        let started = Instant::now();
        let outcome = work();
        let took = started.elapsed();
        match outcome {
            Ok(value) => {
                self.done.push(Done { section, took, failure: None });
                Some(value)
            }
            Err(error) => {
                println!("FAILED: {}: {error:#}", section.title());
                self.done.push(Done { section, took, failure: Some(format!("{error:#}")) });
                None
            }
        }
    }

    /// Runs a section that needs what an earlier one should have made. Without it the section fails and says whose fault it is:
    /// what was not run is never counted as passed.
    pub(crate) fn run_with<N, T>(&mut self, section: Section, needed: Option<N>, work: impl FnOnce(N) -> Result<T>) -> Option<T> {
        self.run(section, || match needed {
            Some(needed) => work(needed),
            None => anyhow::bail!("not run, because what it needs failed above"),
        })
    }

    /// Prints the table and the closing line.
    pub(crate) fn finish(self) -> ExitCode {
        print!("{}", self.table());
        if self.done.iter().all(|done| done.failure.is_none()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn table(&self) -> String {
        let mut table = String::from("\n");
        for done in &self.done {
            let word = if done.failure.is_none() { "passed" } else { "FAILED" };
            table.push_str(&format!("{word}  {:>7.1}s  {}\n", done.took.as_secs_f64(), done.section.title()));
        }
        for (section, failure) in self.done.iter().filter_map(|done| Some((done.section, done.failure.as_ref()?))) {
            table.push_str(&format!("\n{}: {failure}\n", section.title()));
        }
        let failed = self.done.iter().filter(|done| done.failure.is_some()).count();
        let total: Duration = self.done.iter().map(|done| done.took).sum();
        table.push_str(&format!(
            "\nSections, {:.0}s in all:\n{} passed, {failed} failed\n",
            total.as_secs_f64(),
            self.done.len() - failed
        ));
        if self.wanted.is_some() {
            table.push_str("Not everything was run: before a change lands, `cargo xtask test` without --section must pass.\n");
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_section_does_not_hide_the_later_ones() {
        let mut sections = Sections::all();
        let made: Option<u8> = sections.run(Section::Build, || anyhow::bail!("no compiler"));
        sections.run(Section::Format, || Ok(()));
        sections.run_with(Section::Window, made, |_| Ok(()));
        let table = sections.table();
        assert!(table.contains("build: no compiler"), "{table}");
        assert!(table.contains("the real window: not run, because what it needs failed above"), "{table}");
        assert!(table.ends_with("\n1 passed, 2 failed\n"), "{table}");
    }

    #[test]
    fn all_green_ends_in_success() {
        let mut sections = Sections::all();
        assert_eq!(sections.run(Section::Format, || Ok(7)), Some(7));
        assert!(sections.table().ends_with("\n1 passed, 0 failed\n"));
    }

    #[test]
    fn a_named_section_runs_with_what_it_needs_and_the_closing_line_says_that_others_did_not() {
        let mut sections = Sections::only(&[Section::Chromium]);
        let ready = sections.run(Section::SetUp, || Ok(()));
        let packages = sections.run_with(Section::UiPackages, ready, |()| Ok(()));
        sections.run(Section::Clippy, || -> Result<()> { panic!("nobody asked for it") });
        sections.run_with(Section::Build, None::<()>, |()| -> Result<()> { panic!("nobody asked for it") });
        sections.run_with(Section::Chromium, packages, |()| Ok(()));
        let table = sections.table();
        assert!(table.contains("\n3 passed, 0 failed\nNot everything was run"), "{table}");
    }

    #[test]
    fn what_a_section_needs_runs_before_it() {
        for section in Section::value_variants() {
            assert!(section.needs().iter().all(|needed| needed < section), "{section:?}");
        }
    }
}
