//! The journal as a crash finds it.

use std::sync::Arc;

use headframe_protocol::{
    AttemptId, JobId, Micros, Pseudonym, TimestampMs,
    job::{AttemptState, Content, Reason},
    session::{AttemptRef, Offer, Outcome, Settled},
};

use super::*;

fn offer() -> Offer {
    let digest = "5".repeat(64);
    let spec = serde_json::json!({ "image": format!("registry.test/demo/tool@sha256:{digest}"), "max_price_per_hour": "100000" });
    Offer {
        at: AttemptRef { attempt: AttemptId::generate(), epoch: 7 },
        job: JobId::generate(),
        spec: serde_json::from_value(spec).expect("a valid job"),
        array_index: None,
        earns_per_hour: Micros::new(50_000),
        ack_within_ms: 2_000,
        base: "http://127.0.0.1:1/v1/attempts/x/".parse().expect("a url"),
        token: "a-secret-token".to_owned(),
        registry: None,
        checkpoint: Vec::new(),
        customer: None,
        content: Content::Undeclared,
    }
}

#[tokio::test]
async fn an_open_attempt_is_read_back_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, journal) = open(dir.path()).await.expect("opened");
    let offer = offer();
    let at = offer.at;
    let parting = Parting::Silence { reason: Reason::NoAnswer };
    let entries = [
        Entry::Accepted(Arc::new(offer.clone())),
        Entry::Stage { at, stage: AttemptState::Running },
        Entry::Receipt { at, sequence: 3, running_ms: 4_000 },
        Entry::Parting { at, parting: parting.clone() },
        Entry::Choice(Choice::Paused {
            since_ms: Some(TimestampMs::from_millis(4)),
            until_ms: Some(TimestampMs::from_millis(5)),
        }),
    ];
    journal.write(&entries).await.expect("written");
    let open = store.open_attempts().await.expect("read");
    assert_eq!(open.len(), 1);
    assert_eq!((&open[0].offer, open[0].stage, open[0].sequence, open[0].running_ms), (&offer, AttemptState::Running, 3, 4_000));
    assert_eq!(open[0].parting, Some(parting));
    assert_eq!(
        store.choice().await.expect("read"),
        Some(Choice::Paused { since_ms: Some(TimestampMs::from_millis(4)), until_ms: Some(TimestampMs::from_millis(5)) })
    );
}

#[tokio::test]
async fn a_settled_attempt_keeps_its_history_and_loses_its_secrets() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, journal) = open(dir.path()).await.expect("opened");
    let customer = Some(Pseudonym::from_bytes([7; 16]));
    let offer = Offer { customer, ..offer() };
    let at = offer.at;
    let outcome = Outcome::Yielded { reason: Reason::OwnerReturned };
    let settled =
        Settled { at, state: AttemptState::Yielded, reason: Some(Reason::OwnerReturned), credit: Micros::new(9), paid_ms: 5 };
    let entries = [
        Entry::Accepted(Arc::new(offer)),
        Entry::Ended { at, outcome, sequence: 1, running_ms: 5, log_bytes: 2, keep_for: None },
        Entry::Settled(settled),
        // Comes too late and changes nothing.
        Entry::Dropped { at, state: AttemptState::Lost, reason: Reason::LeaseLapsed },
    ];
    journal.write(&entries).await.expect("written");
    assert_eq!(store.open_attempts().await.expect("read"), []);
    let past = store.attempt(&at.attempt.to_string()).await.expect("read").expect("there");
    assert_eq!((past.settled, past.credit, past.running_ms), (Some(AttemptState::Yielded), Micros::new(9), 5));
    assert_eq!(past.customer, customer, "he can be blocked afterwards too");
    let mut earned = Vec::new();
    let always = (TimestampMs::from_millis(0), TimestampMs::from_millis(i64::MAX));
    store.each_earned(always, |row| earned.push((row.credit, row.state))).await.expect("read");
    assert_eq!(earned, [(Micros::new(9), AttemptState::Yielded)]);
    let (entries, mut written) = journal.start(&crate::tasks::Tasks::new());
    store.readers.close().await;
    drop(entries);
    assert_eq!(written.recv().await, None, "everything is written and the file is closed");
    let bytes = std::fs::read(dir.path().join(FILE_NAME)).expect("the file");
    assert!(!bytes.windows(14).any(|window| window == b"a-secret-token"), "an old token does not lie about");
}

#[tokio::test]
async fn what_was_settled_is_settled_anew_when_something_was_found_out() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, journal) = open(dir.path()).await.expect("opened");
    let offer = offer();
    let at = offer.at;
    let good = Settled { at, state: AttemptState::Succeeded, reason: None, credit: Micros::new(9), paid_ms: 5 };
    let outvoted =
        Settled { at, state: AttemptState::Failed, reason: Some(Reason::ResultMismatch), credit: Micros::ZERO, paid_ms: 0 };
    journal.write(&[Entry::Accepted(Arc::new(offer)), Entry::Settled(good)]).await.expect("written");
    let past = async || store.attempt(&at.attempt.to_string()).await.expect("read").expect("there");
    assert_eq!((past().await.settled, past().await.credit), (Some(AttemptState::Succeeded), Micros::new(9)));
    journal.write(&[Entry::Settled(outvoted.clone())]).await.expect("written");
    let found_out = past().await;
    assert_eq!((found_out.settled, found_out.credit), (Some(AttemptState::Failed), Micros::ZERO));
    tokio::time::sleep(Duration::from_millis(5)).await;
    journal.write(&[Entry::Settled(outvoted)]).await.expect("written");
    assert_eq!(past().await, found_out, "said again, it is no later for it");
}

#[tokio::test]
async fn a_checkpoint_outlives_the_settlement_of_its_attempt_and_then_leaves_no_secret() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, journal) = open(dir.path()).await.expect("opened");
    let offer = offer();
    let at = offer.at;
    let ended = Entry::Ended {
        at,
        outcome: Outcome::Yielded { reason: Reason::OwnerReturned },
        sequence: 1,
        running_ms: 5,
        log_bytes: 2,
        keep_for: Some(Duration::from_secs(60)),
    };
    let settled = Settled { at, state: AttemptState::Yielded, reason: None, credit: Micros::new(9), paid_ms: 5 };
    let before = crate::clock::wall();
    journal.write(&[Entry::Accepted(Arc::new(offer.clone())), ended.clone(), Entry::Settled(settled)]).await.expect("written");
    let kept = store.open_checkpoints().await.expect("read");
    assert_eq!((kept.len(), &kept[0].offer, &kept[0].saved), (1, &offer, &None));
    assert!(kept[0].until_ms >= before.after(Duration::from_secs(60)));

    let file = headframe_protocol::session::OutputFile {
        path: "state".to_owned(),
        sha256: headframe_protocol::Sha256::of(b"x"),
        bytes: 1,
    };
    let saved = Saved { files: vec![file], problem: None };
    // Written twice, as after an answer that was lost.
    journal.write(&[ended, Entry::CheckpointSaved { at, saved: saved.clone() }]).await.expect("written");
    assert_eq!(store.open_checkpoints().await.expect("read")[0].saved, Some(saved));

    journal.write(&[Entry::CheckpointEnded(at), Entry::CheckpointEnded(at)]).await.expect("written");
    assert_eq!(store.open_checkpoints().await.expect("read"), []);
    let (entries, mut written) = journal.start(&crate::tasks::Tasks::new());
    store.readers.close().await;
    drop(entries);
    assert_eq!(written.recv().await, None, "everything is written and the file is closed");
    let bytes = std::fs::read(dir.path().join(FILE_NAME)).expect("the file");
    assert!(!bytes.windows(14).any(|window| window == b"a-secret-token"), "an old token does not lie about");
}

#[tokio::test]
async fn an_entry_of_another_epoch_changes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, journal) = open(dir.path()).await.expect("opened");
    let offer = offer();
    let stale = AttemptRef { epoch: 6, ..offer.at };
    let entries = [Entry::Accepted(Arc::new(offer)), Entry::Stage { at: stale, stage: AttemptState::Running }];
    journal.write(&entries).await.expect("written");
    assert_eq!(store.open_attempts().await.expect("read")[0].stage, AttemptState::Accepted);
}

#[tokio::test]
async fn pages_meet_without_gap_or_overlap() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, journal) = open(dir.path()).await.expect("opened");
    let offers: Vec<Entry> = (0..5).map(|_| Entry::Accepted(Arc::new(offer()))).collect();
    journal.write(&offers).await.expect("written");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.attempts_before(after.as_deref(), 2).await.expect("a page");
        seen.extend(page.attempts.iter().map(|attempt| attempt.attempt.clone()));
        after = seen.last().cloned();
        if !page.more {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn what_probes_said_is_kept_for_two_weeks_and_bounded() {
    let home = tempfile::tempdir().expect("a folder");
    let (store, _journal) = open(home.path()).await.expect("a store");
    let day = |days: i64| TimestampMs::from_millis(1_795_435_200_000 + days * 86_400_000);
    let span = |from: i64, until: i64| Span { from: day(from), until: day(until), seen: Sighting::default() };
    store.keep_sightings(&[span(0, 1), span(1, 2)], day(2)).await.expect("kept");
    // The open span is written again as it grows.
    store.keep_sightings(&[span(1, 3), span(30, 31)], day(3)).await.expect("kept");
    assert_eq!(store.sightings_since(day(0)).await.expect("read"), [span(0, 1), span(1, 3)], "and the future is not believed");
    store.keep_sightings(&[], day(16)).await.expect("kept");
    assert_eq!(store.sightings_since(day(0)).await.expect("read"), [span(1, 3)]);
    sqlx::query("UPDATE sighting SET seen = 'x'").execute(&store.writer).await.expect("damaged");
    assert_eq!(store.sightings_since(day(0)).await.expect("read"), [], "a row nobody understands is unknown");
    store.forget_sightings().await.expect("forgotten");
}

#[tokio::test]
async fn what_cards_drew_adds_up_over_entries_and_the_network_is_remembered() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, journal) = open(dir.path()).await.expect("opened");
    let offer = offer();
    let at = offer.at;
    let drew = |at, energy_millijoules, measured_ms, priced_ms, cost| {
        let drawn = Drawn { energy_millijoules, measured_ms, priced_ms, cost: Micros::new(cost) };
        Entry::Drew { at, cards: vec![CardDrawn { gpu: "GPU-1".to_owned(), model: "a card".to_owned(), drawn }] }
    };
    let settled = Settled { at, state: AttemptState::Succeeded, reason: None, credit: Micros::new(9), paid_ms: 5 };
    let entries = [
        Entry::Accepted(Arc::new(offer)),
        Entry::From { at, network: "testbed".to_owned() },
        drew(at, 0, 0, 0, 0),
        drew(at, 1_000, 500, 0, 0),
        drew(at, 2_000, 700, 300, 4),
        drew(at, 10, 10, 0, 0),
        // No longer, or never, ours.
        drew(AttemptRef { epoch: 6, ..at }, 9_000, 9_000, 9_000, 9_000),
        Entry::Settled(settled),
    ];
    journal.write(&entries).await.expect("written");
    let earned =
        store.earned(Place::before(TimestampMs::from_millis(0)), TimestampMs::from_millis(i64::MAX), 10).await.expect("read");
    assert_eq!((earned.len(), earned[0].network.as_deref(), earned[0].cards), (1, Some("testbed"), Some(0)));
    let CardRow { energy_millijoules, measured_ms, priced_ms, cost, .. } = &earned[0].drawn[0];
    assert_eq!((*energy_millijoules, *measured_ms, *priced_ms, *cost), (Some(3_010), 1_210, 300, Some(Micros::new(4))));
}
