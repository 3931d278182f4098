//! What to make of the facts. Pure: facts in, checks out.

use headframe_protocol::control::{Check, Checkup, Verdict};

use super::Facts;

mod engine;
mod gpu;
mod network;
mod owner;
mod pc;

/// Judges all facts, what the owner must mend first coming first.
#[must_use]
pub fn judge(facts: &Facts) -> Checkup {
    let mut checks = engine::checks(&facts.engines);
    checks.extend(gpu::checks(&facts.gpus, &facts.engines));
    checks.extend(pc::checks(facts));
    checks.extend(owner::checks(facts));
    checks.extend(network::checks(&facts.coordinator));
    Checkup { checks, support: String::new() }
}

/// What is always said of one kind of check, whatever is found.
#[derive(Debug, Clone, Copy)]
struct Topic {
    id: &'static str,
    what: &'static str,
    required: &'static str,
    why: &'static str,
}

impl Topic {
    fn says(self, verdict: Verdict, actual: impl Into<String>) -> Check {
        let Self { id, what, required, why } = self;
        let (what, required, why) = (what.to_owned(), required.to_owned(), why.to_owned());
        Check { id: id.to_owned(), verdict, what, actual: actual.into(), required, why, fix: None }
    }

    fn ok(self, actual: impl Into<String>) -> Check {
        self.says(Verdict::Ok, actual)
    }

    fn warn(self, actual: impl Into<String>, fix: impl Into<String>) -> Check {
        self.says(Verdict::Warn, actual).to_mend(fix)
    }

    fn fail(self, actual: impl Into<String>, fix: impl Into<String>) -> Check {
        self.says(Verdict::Fail, actual).to_mend(fix)
    }

    fn unknown(self, actual: impl Into<String>) -> Check {
        self.says(Verdict::Unknown, actual)
    }
}

trait Mend {
    fn to_mend(self, fix: impl Into<String>) -> Self;
}

impl Mend for Check {
    fn to_mend(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// Whole GiB, rounded down: nobody is promised what is not there.
fn gib(bytes: u64) -> u64 {
    bytes >> 30
}

#[cfg(test)]
mod tests;
