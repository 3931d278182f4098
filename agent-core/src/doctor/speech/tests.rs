//! That every language says everything, and how.

use std::{collections::BTreeSet, fmt::Write as _};

use headframe_protocol::control::{Check, Verdict};
use serde_json::json;

use super::*;
use crate::doctor::{judge, pcs};

/// The name of a language in files and on the wire.
fn tag(language: Language) -> String {
    serde_json::to_value(language).expect("a name").as_str().expect("a text").to_owned()
}

/// What is committed under `path` must be `text`.
#[track_caller]
fn is_committed(path: &str, text: &str) {
    expect_test::expect_file![format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))].assert_eq(text);
}

/// One check for each thing that can be found, in all languages.
fn everything() -> Vec<[Check; 4]> {
    let told = |(id, facts): (&'static str, _)| {
        Language::ALL.map(|language| {
            judge(&facts, language).checks.into_iter().find(|check| check.id == id).expect("it is always looked at")
        })
    };
    pcs::one_for_each_finding().into_iter().map(told).collect()
}

/// The texts of a check, and which of them each is.
fn texts(check: &Check) -> [(&'static str, &str); 5] {
    let Check { id: _, verdict: _, what, actual, required, why, fix } = check;
    let fix = fix.as_deref().unwrap_or_default();
    [("what", what), ("required", required), ("why", why), ("actual", actual), ("fix", fix)]
}

/// `text` without what stands between `open` and `close`.
fn without(text: &str, open: char, close: char) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        kept.push_str(before);
        rest = after.split_once(close).map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Everything that can be said, so that whoever reads another language can compare it with English at a glance.
#[test]
fn the_sentences_are_the_committed_ones() {
    let (mut topics, mut seen, mut findings) = (String::new(), BTreeSet::new(), String::new());
    for check in everything() {
        let id = &check[0].id;
        if seen.insert(id.clone()) {
            writeln!(topics, "{id}").expect("memory");
            for (Check { what, required, why, .. }, language) in check.iter().zip(Language::ALL) {
                writeln!(topics, "  {:7}  {what} | {required} | {why}", tag(language)).expect("memory");
            }
        }
        writeln!(findings, "{id}: {:?}", check[0].verdict).expect("memory");
        for (Check { actual, fix, .. }, language) in check.iter().zip(Language::ALL) {
            let fix = fix.as_deref().map(|fix| format!(" → {fix}")).unwrap_or_default();
            writeln!(findings, "  {:7}  {actual}{fix}", tag(language)).expect("memory");
        }
    }
    is_committed("tests/doctor/sentences.txt", &format!("What is looked at\n\n{topics}\nWhat can be found\n\n{findings}"));
}

/// The window is looked at and tested with an agent that was invented. What its doctor says is what this one says of such PCs.
#[test]
fn the_invented_agent_of_the_window_says_what_an_agent_says() {
    for language in Language::ALL {
        let checks = |facts| judge(&facts, language).checks;
        let both = json!({ "ready": checks(pcs::in_the_window()), "noEngine": checks(pcs::without_an_engine()) });
        let text = serde_json::to_string_pretty(&both).expect("plain data");
        is_committed(&format!("../ui/src/lib/ipc/fake/checkups/{}.json", tag(language)), &format!("{text}\n"));
    }
}

#[test]
fn every_language_finds_the_same_and_has_words_for_it() {
    for in_all in everything() {
        for check in &in_all {
            assert_eq!((&check.id, check.verdict), (&in_all[0].id, in_all[0].verdict));
            assert_eq!(check.fix.is_some(), matches!(check.verdict, Verdict::Warn | Verdict::Fail), "{check:?}");
            for (which, text) in texts(check) {
                assert!(!text.is_empty() || which == "fix" && check.fix.is_none(), "{which} of {check:?}");
            }
        }
    }
}

#[test]
fn no_language_leaves_a_sentence_in_english() {
    let mut same = BTreeSet::new();
    for [english, others @ ..] in &everything() {
        for other in others {
            let pairs = texts(english).into_iter().zip(texts(other));
            let untold = pairs.filter(|((_, english), (_, other))| {
                english == &other.trim_matches(['\u{2068}', '\u{2069}']) && !other.is_empty()
            });
            same.extend(untold.map(|((which, text), _)| format!("{which}: {text}")));
        }
    }
    let names_and_commands = BTreeSet::from([
        "actual: 16 GiB",
        "actual: Engine 28.5.2, containerd v1.7.29, runc 1.3.3, docker-init 0.19.0",
        // As the reader of the settings says it.
        "actual: line 3: unknown key",
        "fix: `chmod 700 /d`",
        "what: gVisor",
    ]);
    assert_eq!(same.iter().map(String::as_str).collect::<BTreeSet<_>>(), names_and_commands);
}

#[test]
fn no_english_word_is_left_in_another_language() {
    const WORDS: [&str; 11] = ["the", "is", "are", "of", "and", "or", "with", "that", "not", "it", "to"];
    // Said by an engine, a driver or a probe, in its own words.
    const FOREIGN: [&str; 3] = ["no answer within 10 s", "no library", "the sensor is gone"];
    for check in everything().iter().flat_map(|in_all| &in_all[1..]) {
        for (which, text) in texts(check) {
            let text = FOREIGN.iter().fold(without(text, '`', '`'), |text, foreign| text.replace(foreign, ""));
            let left = text.split(|letter: char| !letter.is_alphabetic()).find(|word| WORDS.contains(word));
            assert_eq!(left, None, "{which}: {text}");
        }
    }
}

/// The page keeps apart what stands between backticks; the text has to do so with what else would take signs or figures along.
#[test]
fn what_reads_from_left_to_right_stands_apart_in_arabic() {
    for [.., arabic] in &everything() {
        for (which, text) in texts(arabic) {
            let words = format!(" {}", without(&without(text, '`', '`'), '\u{2068}', '\u{2069}'));
            let letters: Vec<char> = words.chars().collect();
            let begins_with_a_sign =
                |three: &[char]| !three[0].is_alphanumeric() && "/-.:".contains(three[1]) && three[2].is_ascii_alphanumeric();
            assert!(!letters.windows(3).any(begins_with_a_sign) && !words.contains("GiB"), "{which}: {words}");
        }
    }
}

#[test]
fn arabic_counts_as_its_speakers_do() {
    let undriven = |cards| {
        let mut facts = pcs::good();
        facts.gpus.on_the_bus = Some(cards);
        let check = judge(&facts, Language::Arabic).checks.into_iter().find(|check| check.id == "gpu_driver").expect("looked at");
        check.actual
    };
    for (cards, said) in [
        (1, "بطاقة NVIDIA واحدة"),
        (2, "بطاقتا NVIDIA"),
        (3, "3 بطاقات NVIDIA"),
        (11, "11 بطاقة NVIDIA"),
        (103, "103 بطاقات NVIDIA"),
    ] {
        assert!(undriven(cards).contains(said), "{}", undriven(cards));
    }
}
