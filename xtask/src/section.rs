//! A long run told in sections: each timed, none hiding the next, all of them in a table at the end.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;

/// What happened so far.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

impl Sections {
    /// Runs one section. Its failure is told at once and again at the end, and the value is then absent.
    pub(crate) fn run<T>(&mut self, name: &'static str, section: impl FnOnce() -> Result<T>) -> Option<T> {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = section();
        let took = started.elapsed();
        match outcome {
            Ok(value) => {
                self.done.push(Done { name, took, failure: None });
                Some(value)
            }
            Err(error) => {
                println!("FAILED: {name}: {error:#}");
                self.done.push(Done { name, took, failure: Some(format!("{error:#}")) });
                None
            }
        }
    }

    /// Runs a section that needs what an earlier one should have made. Without it the section fails and says whose fault it is:
    /// what was not run is never counted as passed.
    pub(crate) fn run_with<N, T>(
        &mut self,
        name: &'static str,
        needed: Option<N>,
        section: impl FnOnce(N) -> Result<T>,
    ) -> Option<T> {
        self.run(name, || match needed {
            Some(needed) => section(needed),
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
            table.push_str(&format!("{word}  {:>7.1}s  {}\n", done.took.as_secs_f64(), done.name));
        }
        for (name, failure) in self.done.iter().filter_map(|done| Some((done.name, done.failure.as_ref()?))) {
            table.push_str(&format!("\n{name}: {failure}\n"));
        }
        let failed = self.done.iter().filter(|done| done.failure.is_some()).count();
        let total: Duration = self.done.iter().map(|done| done.took).sum();
        table.push_str(&format!(
            "\nSections, {:.0}s in all:\n{} passed, {failed} failed\n",
            total.as_secs_f64(),
            self.done.len() - failed
        ));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_section_does_not_hide_the_later_ones() {
        let mut sections = Sections::default();
        let made: Option<u8> = sections.run("build", || anyhow::bail!("no compiler"));
        sections.run("format", || Ok(()));
        sections.run_with("window", made, |_| Ok(()));
        let table = sections.table();
        assert!(table.contains("build: no compiler"), "{table}");
        assert!(table.contains("window: not run, because what it needs failed above"), "{table}");
        assert!(table.ends_with("\n1 passed, 2 failed\n"), "{table}");
    }

    #[test]
    fn all_green_ends_in_success() {
        let mut sections = Sections::default();
        assert_eq!(sections.run("format", || Ok(7)), Some(7));
        assert!(sections.table().ends_with("\n1 passed, 0 failed\n"));
    }
}
