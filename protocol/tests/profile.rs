//! Profiles from strangers: what is believed is whole and signed, and everything else is refused with its reason.

use std::time::Duration;

use headframe_protocol::{
    TimestampMs,
    profile::{LIFE_MAX, PROFILE_BYTES_MAX, ProfileError, SignedProfile},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("wire/profile.json");

fn golden() -> SignedProfile {
    serde_json::from_str(GOLDEN).expect("a golden file")
}

/// An hour after it was signed.
fn soon() -> TimestampMs {
    golden().profile.issued_ms.after(Duration::from_secs(3600))
}

fn read(text: &str) -> Result<SignedProfile, ProfileError> {
    SignedProfile::read(text, soon())
}

/// The golden one with one field changed, and the signature that it had before.
fn with(field: &str, value: Value) -> String {
    let mut text: Value = serde_json::from_str(GOLDEN).expect("JSON");
    text["profile"][field] = value;
    text.to_string()
}

#[test]
fn a_link_of_either_kind_and_a_file_say_the_same() {
    let signed = golden();
    let link = signed.link();
    let parameter = link.strip_prefix("headframe://join?").expect("a link of ours");
    for text in [
        link.clone(),
        format!("  {link}\n"),
        format!("https://attic.example/join#{parameter}"),
        format!("https://attic.example/join?lang=es&{parameter}"),
        GOLDEN.to_owned(),
        format!("\u{feff}{GOLDEN}"),
    ] {
        assert_eq!(read(&text), Ok(signed.clone()), "{text}");
    }
}

#[test]
fn what_was_changed_after_it_was_signed_is_forged() {
    for (field, value) in [
        ("name", json!("attlc")),
        ("coordinator", json!("https://coordinator.attic.example.evil.example")),
        ("operator", json!("Attic Computing Ltd")),
        ("fee_bps", json!(0)),
        ("support", json!("help@evil.example")),
        ("content_policy", json!("Anything.")),
        ("website", json!("https://evil.example")),
        ("website", Value::Null),
        ("issued_ms", json!(golden().profile.issued_ms.as_millis() + 1)),
        ("expires_ms", json!(golden().profile.expires_ms.as_millis() + 1)),
        ("key", json!("0x000000000000000000000000000000000000dead")),
    ] {
        let refused = read(&with(field, value));
        assert!(matches!(refused, Err(ProfileError::Forged(_))), "{field}: {refused:?}");
    }
}

#[test]
fn each_fault_has_its_own_reason() {
    let signature = golden().signature;
    let unsigned = json!({ "profile": golden().profile }).to_string();
    let extra = GOLDEN.replacen("\"version\"", "\"sponsor\": \"me\", \"version\"", 1);
    let twice = GOLDEN.replacen("\"name\"", "\"name\": \"attic\", \"name\"", 1);
    for (text, reason) in [
        (String::new(), "no network profile"),
        ("hello".to_owned(), "no network profile"),
        ("headframe://join".to_owned(), "carries no profile"),
        ("ftp://attic.example/?profile={}".to_owned(), "begins with headframe: or https:"),
        ("{\"profile\":".to_owned(), "no network profile"),
        (json!({ "profile": 5, "signature": signature }).to_string(), "no network profile"),
        (extra, "sponsor"),
        (twice, "duplicate field"),
        ("x".repeat(PROFILE_BYTES_MAX + 1), "bytes long"),
        (with("version", json!(2)), "version 2"),
        (unsigned, "not signed"),
        (with("coordinator", json!("http://coordinator.attic.example")), "https"),
        (with("coordinator", json!("https://ada:secret@coordinator.attic.example")), "`coordinator`"),
        (with("coordinator", json!("https://coordinator.attic.example/?a=b")), "`coordinator`"),
        (with("name", json!("")), "`name`"),
        (with("name", json!("x".repeat(65))), "`name`"),
        (with("operator", json!("Attic\nComputing")), "`operator`"),
        (with("operator", json!("Attic \u{202e}gnitupmoC")), "`operator`"),
        (with("support", json!("x".repeat(201))), "`support`"),
        (with("content_policy", json!("x".repeat(601))), "`content_policy`"),
        (with("fee_bps", json!(1501)), "`fee_bps`"),
        (with("website", json!("javascript:alert(1)")), "`website`"),
        (with("issued_ms", json!(-1)), "`expires_ms`"),
        (with("expires_ms", json!(golden().profile.issued_ms.after(LIFE_MAX).as_millis() + 1)), "`expires_ms`"),
    ] {
        let refused = read(&text).expect_err(&text).to_string();
        assert!(refused.contains(reason), "{text}: {refused}");
    }
}

#[test]
fn a_profile_has_its_time_and_whoever_joined_keeps_it() {
    let signed = golden();
    let (issued, expires) = (signed.profile.issued_ms, signed.profile.expires_ms);
    assert_eq!(SignedProfile::read(GOLDEN, expires), Err(ProfileError::Expired));
    assert_eq!(SignedProfile::read(GOLDEN, expires.before(Duration::from_millis(1))), Ok(signed.clone()));
    assert_eq!(SignedProfile::read(GOLDEN, issued.before(Duration::from_secs(3600))), Ok(signed.clone()), "clocks differ");
    assert_eq!(SignedProfile::read(GOLDEN, issued.before(Duration::from_secs(48 * 3600))), Err(ProfileError::NotYet));
    assert_eq!(SignedProfile::kept(&signed.link()), Ok(signed));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fall_over(text in "\\PC{0,300}") {
        prop_assert!(read(&text).is_err());
        let error = read(&format!("headframe://join?profile={text}"));
        prop_assert!(error.is_err());
    }

    #[test]
    fn a_single_letter_changed_in_a_signed_text_is_noticed(at in any::<prop::sample::Index>(), letter in "[a-zA-Z0-9]") {
        let text = golden().text();
        let at = at.index(text.len());
        let changed = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
        // A digit of hex may be written large or small, and says the same.
        if let Ok(read) = read(&changed) {
            prop_assert_eq!(read, golden());
        }
    }
}
