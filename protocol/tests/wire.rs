//! Golden messages, both ways: every file under `wire/` still parses and is still what we would write.
//! A file there is never edited, only added: rigs of last year send those bytes.

use std::{collections::BTreeSet, fs, path::Path};

use headframe_protocol::{
    api::{Attempt, Job, Upload},
    challenge::{Answer, Ask},
    control::{Call, Event},
    error::Problem,
    job::JobSpec,
    profile::SignedProfile,
    receipt::SignedReceipt,
    session::{AgentMessage, CoordinatorMessage},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The text of one golden file, parsed as `T` and written again, must be the same JSON.
fn both_ways<T: Serialize + DeserializeOwned>(text: &str) -> Result<(), String> {
    let golden: Value = serde_json::from_str(text).map_err(|e| format!("is not JSON: {e}"))?;
    let read: T = serde_json::from_str(text).map_err(|e| format!("no longer parses: {e}"))?;
    let written = serde_json::to_value(&read).map_err(|e| format!("no longer writes: {e}"))?;
    if written == golden { Ok(()) } else { Err(format!("is now written as\n{written:#}\ninstead of\n{golden:#}")) }
}

#[test]
fn golden_messages_hold_both_ways() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let mut kinds = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of golden files") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a plain file name").to_owned();
        let text = fs::read_to_string(&path).expect("a readable file");
        let kind = name.split('-').next().unwrap_or(&name).to_owned();
        let held = match kind.as_str() {
            "agent" => both_ways::<AgentMessage>(&text),
            "coordinator" => both_ways::<CoordinatorMessage>(&text),
            "spec" => both_ways::<JobSpec>(&text),
            "job" => both_ways::<Job>(&text),
            "attempt" => both_ways::<Attempt>(&text),
            "upload" => both_ways::<Upload>(&text),
            "problem" => both_ways::<Problem>(&text),
            "call" => both_ways::<Call>(&text),
            "event" => both_ways::<Event>(&text),
            "ask" => both_ways::<Ask>(&text),
            "answer" => both_ways::<Answer>(&text),
            "profile" => both_ways::<SignedProfile>(&text),
            other => Err(format!("`{other}` is no kind of golden file")),
        };
        if let Err(why) = held {
            wrong.push(format!("{name} {why}"));
        }
        kinds.insert(kind);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(kinds.len(), 12, "every kind of message has at least one golden file, found {kinds:?}");
}

#[test]
fn the_golden_receipt_is_signed_by_the_rig_it_names() {
    let text = include_str!("wire/agent-receipt.json");
    let AgentMessage::Receipt(signed) = serde_json::from_str(text).expect("a golden file") else {
        panic!("agent-receipt.json holds a receipt");
    };
    assert_eq!(signed.verify(), Ok(()), "the EIP-712 text of receipts has changed: old signatures are worthless");
    let forged = SignedReceipt {
        receipt: headframe_protocol::receipt::Receipt { running_ms: signed.receipt.running_ms + 1, ..signed.receipt.clone() },
        signature: signed.signature,
    };
    assert!(forged.verify().is_err(), "a changed receipt keeps no signature");
}

#[test]
fn the_golden_handshake_is_signed_by_the_rig_it_names() {
    use headframe_protocol::auth::{Handshake, verify};
    let AgentMessage::Hello(hello) = serde_json::from_str(include_str!("wire/agent-hello.json")).expect("a golden file") else {
        panic!("agent-hello.json holds a hello");
    };
    let CoordinatorMessage::Challenge(challenge) =
        serde_json::from_str(include_str!("wire/coordinator-challenge.json")).expect("a golden file")
    else {
        panic!("coordinator-challenge.json holds a challenge");
    };
    let signed = Handshake {
        nonce: (*challenge.nonce.as_bytes()).into(),
        device: hello.device.0,
        network: challenge.network.clone(),
        origin: hello.origin.clone(),
        protocolVersion: hello.version,
    };
    assert_eq!(verify(&signed, &hello.signature, hello.device), Ok(()), "the EIP-712 text of handshakes has changed");
    let elsewhere = Handshake { origin: "http://relay.example".to_owned(), ..signed };
    assert!(verify(&elsewhere, &hello.signature, hello.device).is_err(), "a relay's address is not the one that was signed");
}
