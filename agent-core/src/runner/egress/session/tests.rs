use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{future::BoxFuture, stream};
use headframe_relay::frame::CONTENT_BYTES_MAX;
use tokio::{
    io::{AsyncReadExt as _, DuplexStream},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::*;
use crate::runner::egress::{EgressCaps, World, traffic::Traffic};

/// Longer than anything here takes; a test that waits for nothing fails by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every name leads to one place, or to nobody who answers.
#[derive(Debug, Default)]
struct OnePlace {
    place: Option<SocketAddr>,
    connects: AtomicUsize,
}

impl World for OnePlace {
    fn resolve<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec![IpAddr::from([93, 184, 216, 34])]) })
    }

    fn connect(&self, _to: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        self.connects.fetch_add(1, Ordering::Relaxed);
        match self.place {
            Some(place) => Box::pin(TcpStream::connect(place)),
            None => Box::pin(std::future::pending()),
        }
    }
}

/// A session, and the relay's side of its line.
struct Bench {
    world: Arc<OnePlace>,
    terms: Arc<Terms>,
    caps: watch::Sender<Option<EgressCaps>>,
    say: mpsc::Sender<Bytes>,
    hear: DuplexStream,
    session: JoinSet<Parted>,
    heard: Vec<u8>,
}

impl Bench {
    fn new(place: Option<SocketAddr>, bytes_max: u64) -> Self {
        let world = Arc::new(OnePlace { place, connects: AtomicUsize::default() });
        let (caps, caps_rx) = watch::channel(Some(EgressCaps { bytes_per_second: 1 << 40, bytes_per_attempt: bytes_max }));
        let terms = Arc::new(Terms {
            allow: vec!["a.org:443".parse().expect("a host")],
            world: world.clone(),
            caps: caps_rx,
            pace: Arc::default(),
            opening: Rate::default(),
            traffic: Traffic::new(bytes_max, 0),
        });
        let (say, said) = mpsc::channel(8);
        let (hear, to) = tokio::io::duplex(1 << 20);
        let from = stream::unfold(said, |mut said: mpsc::Receiver<Bytes>| async { Some((said.recv().await?, said)) });
        let mut session = JoinSet::new();
        let held = Arc::clone(&terms);
        session.spawn(async move { hold(&held, Box::pin(from), to, || {}).await });
        Self { world, terms, caps, say, hear, session, heard: Vec::new() }
    }

    async fn says(&self, id: u32, said: Said) {
        let mut bytes = Vec::new();
        Frame { id, said }.write(&mut bytes);
        // It may have had enough.
        self.say.send(bytes.into()).await.ok();
    }

    async fn opens(&self, id: u32) {
        self.says(id, Said::Open("a.org:443".to_owned())).await;
    }

    async fn hears(&mut self) -> Frame {
        let next = async {
            loop {
                if let Some((frame, length)) = frame::read(&self.heard).expect("ours are frames") {
                    self.heard.drain(..length);
                    return frame;
                }
                let mut piece = [0; 4_096];
                let read = self.hear.read(&mut piece).await.expect("in memory");
                assert!(read > 0, "the session has ended");
                self.heard.extend_from_slice(&piece[..read]);
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("something is said")
    }

    async fn parted(&mut self) -> Parted {
        let parted = tokio::time::timeout(PATIENCE, self.session.join_next()).await.expect("it ends");
        parted.expect("one session").expect("no panics")
    }
}

/// Takes one connection, gives what it sends, and says what it got.
async fn server(give: Vec<u8>) -> (SocketAddr, JoinSet<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let place = listener.local_addr().expect("bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let (mut from, mut to) = stream.into_split();
        let mut got = Vec::new();
        let giving = async {
            // A client that leaves is what some tests are about.
            to.write_all(&give).await.ok();
            to.shutdown().await.ok();
        };
        tokio::join!(giving, async { from.read_to_end(&mut got).await.ok() });
        got
    });
    (place, tasks)
}

#[tokio::test]
async fn bytes_go_both_ways_to_their_end_and_are_counted() {
    let (place, mut server) = server(b"welcome".to_vec()).await;
    let mut bench = Bench::new(Some(place), 1_000);
    bench.opens(1).await;
    assert_eq!(bench.hears().await.said, Said::Opened);
    bench.says(1, Said::Data(b"hello".to_vec())).await;
    bench.says(1, Said::End).await;
    let mut said = vec![bench.hears().await.said, bench.hears().await.said, bench.hears().await.said];
    said.sort_by_key(|said| format!("{said:?}"));
    assert_eq!(said, [Said::Data(b"welcome".to_vec()), Said::End, Said::Room(5)]);
    assert_eq!(server.join_next().await.expect("one").expect("no panics"), b"hello");
    assert_eq!(bench.terms.traffic.told(), "[headframe] Network: 1 connections, 5 bytes sent, 7 received, 0 refused.\n");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_in_words_and_nobody_is_connected_to() {
    let mut bench = Bench::new(None, 1_000);
    for (id, target) in
        ["b.org:443", "a.org:80", "127.0.0.1:443", "[::ffff:169.254.169.254]:443", "\u{0}", "x\r\ny:1"].iter().enumerate()
    {
        bench.says(u32::try_from(id).expect("small") + 1, Said::Open((*target).to_owned())).await;
        let Said::Refused { status, why } = bench.hears().await.said else { panic!("{target:?} is refused") };
        assert_eq!(status, 403, "{why}");
        assert!(!why.contains(char::is_control), "{why:?}");
    }
    assert_eq!(bench.world.connects.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn garbage_ends_the_session_and_connects_to_nobody() {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 64], &[0xff; 64], b"\x01\0\0\0\x01\0\x02\xff\xfe"] {
        let mut bench = Bench::new(None, 1_000);
        bench.say.send(Bytes::copy_from_slice(garbage)).await.expect("it listens");
        assert!(matches!(bench.parted().await, Parted::Broken(Breach::Malformed(_))), "{garbage:?}");
        assert_eq!(bench.world.connects.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn what_no_relay_says_ends_the_session() {
    let open = || Said::Open("a.org:443".to_owned());
    let full = || Said::Data(vec![0; CONTENT_BYTES_MAX]);
    let flood: Vec<(u32, Said)> = [(1, open())].into_iter().chain((0..9).map(|_| (1, full()))).collect();
    for (breach, says) in [
        (Breach::Reused, vec![(1, open()), (1, open())]),
        (Breach::Reused, vec![(7, open()), (6, open())]),
        (Breach::Reused, vec![(DOOR, open())]),
        (Breach::OursToSay, vec![(1, open()), (1, Said::Opened)]),
        (Breach::OursToSay, vec![(1, Said::Refused { status: 200, why: String::new() })]),
        (Breach::Overrun, vec![(9, Said::Data(b"to nobody".to_vec()))]),
        (Breach::Overrun, vec![(1, open()), (1, Said::Room(1))]),
        (Breach::Overrun, vec![(1, open()), (1, Said::Room(u32::MAX))]),
        (Breach::Overrun, vec![(1, open()), (1, Said::End), (1, Said::Data(b"x".to_vec()))]),
        (Breach::Overrun, flood),
    ] {
        let mut bench = Bench::new(None, 1 << 30);
        for (id, said) in says {
            bench.says(id, said).await;
        }
        assert_eq!(bench.parted().await, Parted::Broken(breach));
    }
}

#[tokio::test]
async fn connections_are_as_many_as_may_be_and_the_others_are_told_so() {
    let mut bench = Bench::new(None, 1_000);
    for id in 1..=200 {
        bench.opens(id).await;
    }
    for id in 129..=200 {
        let Frame { id: told, said } = bench.hears().await;
        assert!(matches!(said, Said::Refused { status: 503, .. }), "{said:?}");
        assert_eq!(told, id);
    }
    assert!(bench.world.connects.load(Ordering::Relaxed) <= 128);
    drop(bench.say);
    assert_eq!(bench.session.join_next().await.expect("one").expect("no panics"), Parted::Closed);
}

#[tokio::test]
async fn the_cap_ends_the_connection_and_every_later_one() {
    let (place, _server) = server(vec![7; 1 << 20]).await;
    let mut bench = Bench::new(Some(place), 100_000);
    bench.opens(1).await;
    assert_eq!(bench.hears().await.said, Said::Opened);
    let mut received = 0;
    loop {
        match bench.hears().await.said {
            Said::Data(bytes) => {
                received += bytes.len();
                bench.says(1, Said::Room(u32::try_from(bytes.len()).expect("small"))).await;
            }
            Said::Reset => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=100_000).contains(&received), "{received}");
    bench.opens(2).await;
    let Said::Refused { status: 403, why } = bench.hears().await.said else { panic!("it is refused") };
    assert!(why.contains("100000 bytes"), "{why}");
    assert_eq!(bench.world.connects.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_relay_that_takes_nothing_is_sent_no_more_than_a_window() {
    let (place, _server) = server(vec![7; 1 << 20]).await;
    let mut bench = Bench::new(Some(place), 1 << 30);
    bench.opens(1).await;
    assert_eq!(bench.hears().await.said, Said::Opened);
    let mut received = 0;
    while received < WINDOW_BYTES as usize {
        let Said::Data(bytes) = bench.hears().await.said else { panic!("data comes") };
        received += bytes.len();
    }
    // What follows is about something else: nothing more of this came in between.
    bench.says(2, Said::Open("b.org:443".to_owned())).await;
    assert!(matches!(bench.hears().await, Frame { id: 2, said: Said::Refused { .. } }));
    assert_eq!(received, WINDOW_BYTES as usize);
}

#[tokio::test]
async fn an_owner_who_forbids_it_ends_what_is_open_and_what_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut bench = Bench::new(Some(listener.local_addr().expect("bound")), 1_000);
    bench.opens(1).await;
    assert_eq!(bench.hears().await.said, Said::Opened);
    bench.caps.send_replace(None);
    assert_eq!(bench.hears().await.said, Said::Reset);
    bench.opens(2).await;
    assert!(matches!(bench.hears().await.said, Said::Refused { status: 403, .. }));
    assert_eq!(bench.world.connects.load(Ordering::Relaxed), 1);
}
