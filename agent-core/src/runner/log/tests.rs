use std::sync::Arc;

use headframe_protocol::AttemptId;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::runner::{SecretToken, bandwidth::Line};

/// A coordinator that must not hear anything.
async fn silent() -> (tokio::net::TcpListener, Counter) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/", listener.local_addr().expect("bound")).parse().expect("an address");
    let counter =
        Counter::new(reqwest::Client::new(), base, &SecretToken::new("t".to_owned()), Arc::new(Line::free())).expect("a token");
    (listener, counter)
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_not_brought_piece_by_empty_piece() {
    let dir = tempfile::tempdir().expect("a folder");
    let (listener, counter) = silent().await;
    let (written, follows) = watch::channel(Written { bytes: 10, flush_until: None });
    let path = dir.path().join("gone.log");
    let close = async {
        // The second is a piece more that is not there either.
        written.send_modify(|written| written.bytes = 20);
        tokio::task::yield_now().await;
        written.send_modify(|written| written.flush_until = Some(Instant::now() + Duration::from_secs(3_600)));
    };
    let spoken_to = async {
        let (mut visitor, _) = listener.accept().await.expect("a visitor");
        let mut head = [0; 64];
        let read = visitor.read(&mut head).await.expect("a request");
        panic!("the coordinator heard {}", String::from_utf8_lossy(&head[..read]));
    };
    let sent = tokio::select! {
        (sent, ()) = async { tokio::join!(push(&counter, &path, follows), close) } => sent,
        () = spoken_to => unreachable!(),
    };
    assert_eq!(sent, 0);
}

#[tokio::test]
async fn the_log_of_a_job_that_is_silent_for_long_is_kept_while_it_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let (running, over, fresh) = (AttemptId::generate(), AttemptId::generate(), AttemptId::generate());
    for attempt in [running, over, fresh] {
        LogFile::create(path(dir.path(), attempt)).await.expect("a log");
    }
    std::fs::write(dir.path().join("logs/agent.log"), "ours").expect("another's file");
    let an_hour = Duration::from_secs(3_600);
    for old in [path(dir.path(), running), path(dir.path(), over), dir.path().join("logs/agent.log")] {
        for file in [old.with_extension("cursor"), old] {
            let Ok(file) = std::fs::File::options().write(true).open(file) else { continue };
            let now = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
            file.set_modified(now - an_hour).expect("a time");
        }
    }
    prune(dir.path(), an_hour / 4, &HashSet::from([running])).await;
    let is_there = |attempt| {
        let log = path(dir.path(), attempt);
        (log.exists(), log.with_extension("cursor").exists())
    };
    assert_eq!([running, over, fresh].map(is_there), [(true, true), (false, false), (true, true)]);
    assert!(dir.path().join("logs/agent.log").exists());
}
