//! Logs: from the rig piece by piece, to the customer as they are written.

use futures_util::StreamExt as _;
use headframe_coordinator::{admin::acts, store::customers};
use headframe_protocol::{
    JobId,
    api::LogEvent,
    error::Code,
    job::{AttemptState, Reason},
    session::{Offer, Outcome},
};
use serde_json::{Value, json};

use crate::support::{Customer, FakeAgent, PATIENCE, TestApp, by, problem};

/// Sends a piece and returns the answer.
async fn write(offer: &Offer, offset: u64, bytes: &[u8]) -> reqwest::Response {
    let address = offer.base.join(&format!("log?offset={offset}")).expect("an address");
    reqwest::Client::new().put(address).bearer_auth(&offer.token).body(bytes.to_vec()).send().await.expect("an answer")
}

/// Sends a piece that must be taken.
async fn wrote(offer: &Offer, offset: u64, bytes: &[u8]) -> u64 {
    let response = write(offer, offset, bytes).await;
    assert_eq!(response.status(), 200);
    let next: Value = response.json().await.expect("an offset");
    next["offset"].as_u64().expect("a number")
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Event {
    kind: String,
    id: String,
    data: String,
}

/// A stream of them.
struct Events {
    body: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: Vec<u8>,
}

impl Events {
    async fn open(customer: &Customer, job: JobId, rest: &str, last: Option<&str>) -> Self {
        let mut request = customer.http.get(format!("{}/v1/jobs/{job}/logs{rest}", customer.url)).bearer_auth(&customer.key);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.bytes_stream().boxed(), text: Vec::new() }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                let mut event = Event::default();
                for line in String::from_utf8(block).expect("text").lines() {
                    match line.split_once(": ") {
                        Some(("event", value)) => value.clone_into(&mut event.kind),
                        Some(("id", value)) => value.clone_into(&mut event.id),
                        Some(("data", value)) => value.clone_into(&mut event.data),
                        Some(_) | None => {}
                    }
                }
                if !event.kind.is_empty() {
                    return Some(event);
                }
                continue;
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("something comes in time")?;
            self.text.extend_from_slice(&piece.expect("the stream goes on"));
        }
    }

    /// Everything to the end: the text per attempt in order, and the final state.
    async fn rest(mut self) -> (Vec<String>, String) {
        let (mut texts, mut attempt) = (Vec::new(), None);
        while let Some(event) = self.next().await {
            if event.kind == "end" {
                assert_eq!(self.next().await, None, "nothing follows the end");
                let data: Value = serde_json::from_str(&event.data).expect("JSON");
                return (texts, data["state"].as_str().unwrap_or_default().to_owned());
            }
            let log: LogEvent = serde_json::from_str(&event.data).expect("a piece of log");
            if attempt.replace(log.attempt) != Some(log.attempt) {
                texts.push(String::new());
            }
            texts.last_mut().expect("one was just added").push_str(&log.text);
        }
        panic!("the stream ended without an end");
    }
}

#[tokio::test]
async fn a_log_is_read_as_it_is_written() {
    // A reader who was not woken would look again only after the test has lost its patience.
    let app = TestApp::start_with(|config| config.timers.log_look_again = PATIENCE * 2).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let job = customer.submit(json!({})).await;
    let mut events = Events::open(&customer, job.id, "", None).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let text = "Größe 🦀\n".as_bytes();
    // Cut inside a character: it comes whole with the second piece.
    assert_eq!(wrote(&offer, 0, &text[..3]).await, 3);
    let event = events.next().await.expect("an event");
    let first: LogEvent = serde_json::from_str(&event.data).expect("a piece of log");
    assert_eq!((first.offset, first.text.as_str()), (0, "Gr"));
    assert_eq!(event.id, format!("{}:2", offer.at.attempt));
    wrote(&offer, 3, &text[3..]).await;
    let event = events.next().await.expect("a reader on the same replica is woken");
    let second: LogEvent = serde_json::from_str(&event.data).expect("a piece of log");
    assert_eq!((second.offset, second.text.as_str()), (2, "öße 🦀\n"));

    let mut again = Events::open(&customer, job.id, "", Some(&format!("{}:2", offer.at.attempt))).await;
    let resumed: LogEvent = serde_json::from_str(&again.next().await.expect("an event").data).expect("a piece of log");
    assert_eq!(resumed, second, "who comes back gets exactly what he missed");
    let from = format!("?attempt={}&offset=8", offer.at.attempt);
    let placed: LogEvent =
        serde_json::from_str(&Events::open(&customer, job.id, &from, None).await.next().await.expect("an event").data)
            .expect("a piece");
    assert_eq!(placed.text, "🦀\n");
    rig.succeed(&offer, 0).await;
    assert_eq!(events.rest().await, (vec![], "succeeded".to_owned()), "and when the job is over");
}

#[tokio::test]
async fn a_log_goes_on_with_the_next_attempt() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let job = customer.submit(json!({})).await;
    let events = Events::open(&customer, job.id, "", None).await;
    let first = rig.offer().await;
    rig.run(&first).await;
    wrote(&first, 0, b"one\xe2\x82").await;
    rig.finish(&first, Outcome::Yielded { reason: Reason::OwnerReturned }, None).await;
    rig.settled().await;
    let second = rig.offer().await;
    assert_eq!(problem(write(&first, 5, b"late").await).await.code, Code::StaleEpoch);
    rig.run(&second).await;
    wrote(&second, 0, b"two").await;
    rig.succeed(&second, 0).await;
    let (texts, state) = events.rest().await;
    assert_eq!(texts, ["one\u{fffd}", "two"], "what never became a character is shown as such");
    assert_eq!(state, "succeeded");
    let after = Events::open(&customer, job.id, "", None).await.rest().await;
    assert_eq!(after, (texts, state), "a log of a job that is over reads the same");
}

#[tokio::test]
async fn a_piece_out_of_place_is_sent_back_with_the_right_place() {
    let app = TestApp::start_with(|config| config.limits.log_bytes_max = 10).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let job = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    wrote(&offer, 0, b"123456").await;
    for offset in [0, 5, 7] {
        let refused = write(&offer, offset, b"x").await;
        assert_eq!(refused.headers()["x-headframe-offset"], "6");
        let refused = problem(refused).await;
        assert_eq!((refused.status, refused.code, refused.errors[0].field.as_str()), (409, Code::Conflict, "offset"));
    }
    assert_eq!(wrote(&offer, 6, b"7890abcdef").await, 16, "what is too much is dropped, not refused");
    assert_eq!(wrote(&offer, 16, b"more").await, 20);
    assert_eq!(problem(write(&offer, 0, &vec![b'x'; 65_537]).await).await.status, 413);
    for odd in ["log", "log?offset=x", "log?offset=-1", "log?offset=1&more=2", &format!("log?offset={}", u64::MAX)] {
        let address = offer.base.join(odd).expect("an address");
        let response = reqwest::Client::new().put(address).bearer_auth(&offer.token).body("x").send().await.expect("an answer");
        assert!(matches!(problem(response).await.status, 400 | 422), "{odd}");
    }
    rig.succeed(&offer, 0).await;
    let (texts, _) = Events::open(&customer, job.id, "", None).await.rest().await;
    assert_eq!(texts, ["1234567890\n[headframe: the log is cut here, it has reached its limit]\n"]);
    let attempt = customer.attempts(job.id).await.remove(0);
    assert_eq!(attempt.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn many_small_pieces_come_in_few_events() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let job = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let mut all = String::new();
    for at in 0..40 {
        let line = format!("line {at}\n");
        wrote(&offer, all.len() as u64, line.as_bytes()).await;
        all.push_str(&line);
    }
    wrote(&offer, all.len() as u64, &vec![b'x'; 65_536]).await;
    rig.succeed(&offer, 0).await;
    let mut events = Events::open(&customer, job.id, "", None).await;
    let first: LogEvent = serde_json::from_str(&events.next().await.expect("an event").data).expect("a piece of log");
    assert_eq!((first.text.len(), &first.text[..all.len()]), (65_536, all.as_str()));
    let (texts, _) = events.rest().await;
    assert_eq!(texts[0].len(), all.len());
}

#[tokio::test]
async fn a_place_that_is_not_there_is_named() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let job = customer.submit(json!({})).await;
    let path = format!("/v1/jobs/{}/logs", job.id);
    let stranger = headframe_protocol::AttemptId::generate();
    let cases = [
        ("?offset=5".to_owned(), 422, "attempt"),
        (format!("?attempt={stranger}"), 422, "attempt"),
        ("?attempt=x".to_owned(), 400, "attempt"),
        ("?attempt=x&offset=y".to_owned(), 400, ""),
        ("?from=1".to_owned(), 400, "from"),
    ];
    for (rest, status, field) in cases {
        let refused = problem(customer.get(&format!("{path}{rest}")).await).await;
        assert_eq!(refused.status, status, "{rest}: {refused:?}");
        assert!(field.is_empty() || refused.errors[0].field == field, "{rest}: {refused:?}");
    }
    for id in ["x", "att_0:1", ":", "\u{fffd}"] {
        let request = customer.http.get(format!("{}{path}", customer.url)).bearer_auth(&customer.key);
        let value = reqwest::header::HeaderValue::from_bytes(id.as_bytes()).expect("a header");
        let refused = problem(request.header("last-event-id", value).send().await.expect("an answer")).await;
        assert_eq!((refused.status, refused.errors[0].field.as_str()), (422, "last-event-id"), "{id}");
    }
    let other = app.customer(0).await;
    assert_eq!(problem(other.get(&path).await).await.code, Code::NotFound);
}

#[tokio::test]
async fn whoever_reads_many_logs_leaves_room_for_others() {
    let app = TestApp::start().await;
    let (greedy, other) = (app.customer(10).await, app.customer(10).await);
    let job = greedy.submit(json!({})).await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Events::open(&greedy, job.id, "", None).await);
    }
    let path = format!("/v1/jobs/{}/logs", job.id);
    assert_eq!(problem(greedy.get(&path).await).await.code, Code::RateLimited);
    let theirs = other.submit(json!({})).await;
    let _theirs = Events::open(&other, theirs.id, "", None).await;
    open.clear();
    let started = tokio::time::Instant::now();
    // The coordinator hears of a closed connection a moment later.
    while greedy.get(&path).await.status() != 200 {
        assert!(started.elapsed() < PATIENCE, "there is room again");
    }
}

#[tokio::test]
async fn a_stream_does_not_outlive_its_key() {
    let app = TestApp::start_with(|config| config.timers.reader_check = std::time::Duration::from_millis(50)).await;
    let customer = app.customer(10).await;
    let job = customer.submit(json!({})).await;
    let mut events = Events::open(&customer, job.id, "", None).await;
    let mut connection = app.app().store.read().await.expect("a connection");
    let keys = customers::keys(&mut connection, customer.id).await.expect("his keys");
    drop(connection);
    acts::revoke_key(&app.app().store, &by(), keys[0].id).await.expect("revoked");
    assert_eq!(events.next().await, None, "closed, without an end");
    let refused = problem(customer.get(&format!("/v1/jobs/{}/logs", job.id)).await).await;
    assert_eq!(refused.code, Code::Unauthenticated);
}
