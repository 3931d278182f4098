//! Findings in words. What comes from elsewhere, such as an engine's own error or what a probe says, stays as it came.
//!
//! No language leaves a case of a match to a wildcard: what can be found has to be said in all of them.

use headframe_protocol::control::{Check, Language};

use super::findings::{
    CardFound, CardRemedy, EngineFound, EngineRemedy, Finding, Found, NetworkFound, OwnerFound, OwnerRemedy, PcFound, PcRemedy,
    Remedy, Topic,
};

mod arabic;
mod chinese;
mod english;
mod spanish;

/// What a language has words for.
struct Speech {
    /// What is looked at.
    what: fn(Topic) -> &'static str,
    /// What should be.
    required: fn(Topic) -> &'static str,
    /// Why it should.
    why: fn(Topic) -> &'static str,
    engine: fn(&EngineFound<'_>) -> String,
    card: fn(&CardFound<'_>) -> String,
    pc: fn(&PcFound<'_>) -> String,
    owner: fn(&OwnerFound<'_>) -> String,
    network: fn(&NetworkFound<'_>) -> String,
    mend_engine: fn(EngineRemedy) -> &'static str,
    mend_card: fn(CardRemedy) -> &'static str,
    mend_pc: fn(PcRemedy<'_>) -> String,
    mend_owner: fn(OwnerRemedy) -> &'static str,
    set_clock: &'static str,
}

impl Speech {
    const fn of(language: Language) -> Self {
        match language {
            Language::English => english::ENGLISH,
            Language::Spanish => spanish::SPANISH,
            Language::Chinese => chinese::CHINESE,
            Language::Arabic => arabic::ARABIC,
        }
    }

    /// What is.
    fn found(&self, found: &Found<'_>) -> String {
        match found {
            Found::Engine(found) => (self.engine)(found),
            Found::Card(found) => (self.card)(found),
            Found::Pc(found) => (self.pc)(found),
            Found::Owner(found) => (self.owner)(found),
            Found::Network(found) => (self.network)(found),
        }
    }

    /// What the owner can do.
    fn remedy(&self, remedy: Remedy<'_>) -> String {
        match remedy {
            Remedy::Engine(remedy) => (self.mend_engine)(remedy).to_owned(),
            Remedy::Card(remedy) => (self.mend_card)(remedy).to_owned(),
            Remedy::Pc(remedy) => (self.mend_pc)(remedy),
            Remedy::Owner(remedy) => (self.mend_owner)(remedy).to_owned(),
            Remedy::SetClock => self.set_clock.to_owned(),
        }
    }
}

/// A finding as it is told in a language.
pub(super) fn check(finding: &Finding<'_>, language: Language) -> Check {
    let speech = Speech::of(language);
    let Finding { topic, verdict, found, remedy } = finding;
    Check {
        id: topic.id().to_owned(),
        verdict: *verdict,
        what: (speech.what)(*topic).to_owned(),
        actual: speech.found(found),
        required: (speech.required)(*topic).to_owned(),
        why: (speech.why)(*topic).to_owned(),
        fix: remedy.map(|remedy| speech.remedy(remedy)),
    }
}

/// Many in one text, `between` two of them.
fn listed<T>(many: &[T], between: &str, each: impl Fn(&T) -> String) -> String {
    many.iter().map(each).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests;
