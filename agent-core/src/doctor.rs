//! Whether this PC can be a rig, and what would make it a better one: before the first start, or when something is wrong.
//!
//! [`look()`] gathers what there is to know and judges nothing; `judge` decides what to make of it and touches nothing; `speech` has the
//! words for that in each language of the owner's window. All work with no agent running. An agent that runs looks itself: it has the
//! surroundings that count.

use headframe_protocol::control::{Checkup, Language};

pub mod advisories;
pub mod bundle;
pub mod facts;
mod findings;
mod judge;
mod look;
mod speech;
mod support;
mod told;

#[cfg(test)]
mod pcs;

pub use facts::Facts;
pub use look::{Known, look};
pub use support::Private;
pub use told::text;

/// Looks and judges, and says in a language what came of it.
pub async fn check_up(known: Known<'_>, language: Language) -> Checkup {
    judge(&look(known).await, language)
}

/// What to make of the facts, said in a language. What the owner must mend first comes first.
#[must_use]
pub fn judge(facts: &Facts, language: Language) -> Checkup {
    let checks = judge::findings(facts).iter().map(|finding| speech::check(finding, language)).collect();
    Checkup { checks, support: String::new() }
}
