//! Findings in words. What comes from elsewhere, such as an engine's own error or what a probe says, stays as it came.
//!
//! No language leaves a case of a match to a wildcard: what can be found has to be said in all of them.

use headframe_protocol::control::{Check, Language};

use super::findings::{Finding, Found, Remedy, Topic};

mod arabic;
mod chinese;
mod english;
mod spanish;

/// What a language has words for.
trait Speech {
    /// What is looked at.
    fn what(&self, topic: Topic) -> &'static str;
    /// What should be.
    fn required(&self, topic: Topic) -> &'static str;
    /// Why it should.
    fn why(&self, topic: Topic) -> &'static str;
    /// What is.
    fn found(&self, found: &Found<'_>) -> String;
    /// What the owner can do.
    fn remedy(&self, remedy: Remedy<'_>) -> String;
}

/// A finding as it is told in a language.
pub(super) fn check(finding: &Finding<'_>, language: Language) -> Check {
    let speech: &dyn Speech = match language {
        Language::English => &english::English,
        Language::Spanish => &spanish::Spanish,
        Language::Chinese => &chinese::Chinese,
        Language::Arabic => &arabic::Arabic,
    };
    let Finding { topic, verdict, found, remedy } = finding;
    Check {
        id: topic.id().to_owned(),
        verdict: *verdict,
        what: speech.what(*topic).to_owned(),
        actual: speech.found(found),
        required: speech.required(*topic).to_owned(),
        why: speech.why(*topic).to_owned(),
        fix: remedy.map(|remedy| speech.remedy(remedy)),
    }
}

/// Many in one text, `between` two of them.
fn listed<T>(many: &[T], between: &str, each: impl Fn(&T) -> String) -> String {
    many.iter().map(each).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests;
