//! Out through the one way that is there for jobs that name hosts, and around it.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use headframe_agent::runner::{EgressCaps, EgressConfig, Ending, Found, World};
use headframe_protocol::job::Reason;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{answers, failure, perl};
use crate::{image, yard::Yard};

/// An address of the public internet. Whoever is to be found there in a test stands on this PC's loopback.
const PUBLIC: &str = "93.184.216.34";

/// A whole internet of one server, and the names that a test gives.
#[derive(Debug)]
struct SmallWorld {
    /// Each lookup gets the next answer; the last one stays.
    names: Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>,
    server: SocketAddr,
    connects: Mutex<Vec<SocketAddr>>,
}

impl SmallWorld {
    fn named(self: &Arc<Self>, name: &str, answers: &[&str]) -> Arc<Self> {
        let answers = answers.iter().map(|all| all.split(' ').map(|address| address.parse().expect("an address")).collect());
        self.names.lock().expect("no panics").insert(name.to_owned(), answers.collect());
        Arc::clone(self)
    }

    fn connects(&self) -> Vec<String> {
        self.connects.lock().expect("no panics").iter().map(ToString::to_string).collect()
    }
}

impl World for SmallWorld {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let mut names = self.names.lock().expect("no panics");
        let answer = names.get_mut(name).and_then(|left| if left.len() > 1 { left.pop_front() } else { left.front().cloned() });
        Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        self.connects.lock().expect("no panics").push(to);
        Box::pin(TcpStream::connect(self.server))
    }
}

/// A server that reads a line and answers with as many bytes as the test says.
struct Server {
    world: Arc<SmallWorld>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn giving(give: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let world = Arc::new(SmallWorld {
            names: Mutex::default(),
            server: listener.local_addr().expect("bound"),
            connects: Mutex::default(),
        });
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let server = Self { world: world.named("a.org", &[PUBLIC]), heard: Arc::clone(&heard) };
        #[expect(clippy::disallowed_methods, reason = "it ends with the test that started it")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a client");
                let heard = Arc::clone(&heard);
                #[expect(clippy::disallowed_methods, reason = "it ends with the test that started it")]
                tokio::spawn(async move { serve(stream, give, &heard).await.ok() });
            }
        });
        server
    }
}

async fn serve(mut stream: TcpStream, give: usize, heard: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        line.push(stream.read_u8().await?);
    }
    heard.lock().expect("no panics").push(String::from_utf8_lossy(&line).trim().to_owned());
    let piece = vec![b'x'; 4_096.min(give)];
    let mut left = give;
    while left > 0 {
        let sent = stream.write(&piece[..left.min(piece.len())]).await?;
        left -= sent;
    }
    stream.write_all(b"\nthe end").await?;
    stream.shutdown().await
}

/// As much as any test but those about limits needs.
const PLENTY: EgressCaps = EgressCaps { bytes_per_second: 100 << 20, bytes_per_attempt: 1 << 30 };

/// A rig whose owner lets jobs out as far as `caps` say, with an image that holds Perl.
async fn letting(world: Arc<SmallWorld>, caps: Option<EgressCaps>) -> (Yard, watch::Sender<Option<EgressCaps>>) {
    let (owner, caps) = watch::channel(caps);
    let mut yard = Yard::open_with(|config| config.egress = EgressConfig { caps, world }).await;
    yard.image = image::make_with(&yard.docker, &yard.registry.host, "reaching", &[], |files| {
        files.program("bin/perl", 0o755, "/usr/bin/perl");
    })
    .await;
    (yard, owner)
}

/// Perl's own words for asking the proxy.
const ASK: &str = r#"
    sub proxy { socket(my $s, 2, 1, 0) or die $!; connect($s, pack 'S n C4 x8', 2, 3128, 127, 0, 0, 1) ? $s : undef }
    sub all { my ($s, $got) = ($_[0], ''); while (sysread $s, my $piece, 65536) { $got .= $piece } $got }
    sub ask { my $s = proxy() or return "no proxy: $!"; syswrite $s, $_[0]; all($s) }
    sub tunnel { ask("CONNECT $_[0] HTTP/1.1\r\n\r\n" . ($_[1] // '')) }
    sub short { my ($head, $body) = split /\r\n\r\n/, $_[0], 2; $head =~ s/\r\n.*//s; $body //= ''; $body =~ s/\s+/ /g; "$head | $body" }
    sub relay { opendir my $all, '/proc' or die $!; for my $pid (grep /^\d+$/, readdir $all) {
        open my $from, '<', "/proc/$pid/cmdline" or next; return $pid if (<$from> // '') =~ m{^/headframe/relay\0serve} } undef }
"#;

fn asking(script: &str, allow: &[&str], max_bytes: u64) -> Value {
    let mut what = perl(&format!("{ASK} {script}"));
    what["network"] = json!({"allow": allow, "max_bytes": max_bytes});
    what
}

/// What the job printed, and what was said of its way out; it must end well.
async fn told(yard: &mut Yard, what: Value) -> (String, String) {
    yard.coordinator.seen.lock().expect("no panics").log.clear();
    let ending = yard.run("", what).await;
    let log = yard.coordinator.log();
    assert!(matches!(ending, Ending::Succeeded { .. }), "{ending:?}\n{log}");
    let (ours, its): (Vec<&str>, Vec<&str>) = log.lines().partition(|line| line.starts_with("[headframe]"));
    (its.join("\n"), ours.join("\n"))
}

#[tokio::test]
async fn a_host_the_job_named_is_reached_through_the_proxy_and_no_other_way() {
    let server = Server::giving(5).await;
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script = r#"
        print "tunnel: ", short(tunnel('a.org:443', "hello\n")), "\n";
        print "page: ", short(ask("GET http://a.org:443/x HTTP/1.1\r\nHost: a.org\r\n\r\n")), "\n";
        print "variable: $ENV{https_proxy} $ENV{HTTP_PROXY} $ENV{NO_PROXY}\n";
        socket(my $direct, 2, 1, 0) or die $!;
        connect($direct, pack 'S n C4 x8', 2, 443, 93, 184, 216, 34);
        print "direct: $!\n";
        opendir my $interfaces, '/sys/class/net' or die $!;
        print 'interfaces: ', join(' ', grep !/^\./, readdir $interfaces), "\n";
        open(my $to, '>', '/headframe/relay') or print "relay: $!\n";
    "#;
    let (printed, ours) = told(&mut yard, asking(script, &["a.org"], 1_000_000)).await;
    let variable = "http://127.0.0.1:3128 http://127.0.0.1:3128 localhost,127.0.0.1,::1";
    let expected = [
        ("tunnel", "HTTP/1.1 200 Connection established | xxxxx the end"),
        ("page", "xxxxx the end | "),
        ("variable", variable),
        ("direct", "Network is unreachable"),
        ("interfaces", "lo"),
        ("relay", "Read-only file system"),
    ];
    let printed = printed.replace("xxxxx\nthe end", "xxxxx the end");
    assert_eq!(answers(&printed), expected);
    assert_eq!(*server.heard.lock().expect("no panics"), ["hello", "GET /x HTTP/1.1"]);
    assert_eq!(server.world.connects(), [format!("{PUBLIC}:443"), format!("{PUBLIC}:443")]);
    assert!(ours.starts_with("[headframe] Network: 2 connections, "), "{ours}");
    assert!(ours.ends_with(" received, 0 refused."), "{ours}");
    yard.close().await;
}

#[tokio::test]
async fn nothing_inside_a_house_is_reached_by_any_spelling() {
    let server = Server::giving(1).await;
    let leads_inside = [
        ("loop.evil.org", "127.0.0.1"),
        ("lan.evil.org", "192.168.1.1"),
        ("cloud.evil.org", "169.254.169.254"),
        ("shared.evil.org", "100.64.1.1"),
        ("mixed.evil.org", "93.184.216.34 10.0.0.1"),
        ("link.evil.org", "fe80::1"),
        ("unique.evil.org", "fd00:ec2::254"),
        ("mapped.evil.org", "::ffff:169.254.169.254"),
        ("nat64.evil.org", "64:ff9b::a9fe:a9fe"),
        ("6to4.evil.org", "2002:a9fe:a9fe::1"),
        ("teredo.evil.org", "2001:0:a9fe:a9fe::1"),
    ];
    for (name, addresses) in leads_inside {
        server.world.named(name, &[addresses]);
    }
    let allow: Vec<String> = leads_inside.iter().map(|(name, _)| format!("{name}:80")).collect();
    let literals = "127.0.0.1:80 10.0.0.1:80 169.254.169.254:80 0x7f.1:80 2130706433:80 0:80 [::1]:80 [fe80::1]:80 \
                    [::ffff:10.0.0.1]:80 [64:ff9b::7f00:1]:80 localhost:80 nas.local:80 router:80 a.org:443 loop.evil.org:443";
    let script = format!(
        "for my $target (qw({literals} {})) {{ my $said = short(tunnel($target)); $said =~ s/^HTTP\\S+ (\\d+).*/$1/s; print \"$target: $said\\n\" }}
         print 'plain: ', short(ask(\"GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\\r\\n\\r\\n\")), \"\\n\";",
        allow.join(" ")
    );
    let allow: Vec<&str> = allow.iter().map(String::as_str).collect();
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let (printed, ours) = told(&mut yard, asking(&script, &allow, 1_000_000)).await;
    let said: Vec<&str> = printed.lines().filter_map(|line| line.rsplit_once(": ")).map(|(_, said)| said).collect();
    let asked = literals.split_whitespace().count() + allow.len();
    assert_eq!(said[..asked], vec!["403"; asked], "{printed}");
    assert!(printed.contains("a host is a name, not a number"), "{printed}");
    assert_eq!(server.world.connects(), Vec::<String>::new(), "nobody was sent a packet");
    assert!(ours.contains("lan.evil.org:80 leads to an address inside a private network"), "{ours}");
    assert!(ours.contains(&format!("0 connections, 0 bytes sent, 0 received, {} refused.", asked + 1)), "{ours}");
    yard.close().await;
}

#[tokio::test]
async fn a_name_that_is_public_first_and_private_then_leads_nowhere_the_second_time() {
    let server = Server::giving(1).await;
    server.world.named("rebind.org", &[PUBLIC, "127.0.0.1"]);
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script =
        r#"for (1 .. 2) { my $said = short(tunnel('rebind.org:443', "hello\n")); $said =~ s/ [|].*//; print "$_: $said\n" }"#;
    let (printed, _) = told(&mut yard, asking(script, &["rebind.org"], 1_000_000)).await;
    assert_eq!(answers(&printed), [("1", "HTTP/1.1 200 Connection established"), ("2", "HTTP/1.1 403 Forbidden")]);
    assert_eq!(server.world.connects(), [format!("{PUBLIC}:443")], "one look-up, one judgement, one connection");
    yard.close().await;
}

#[tokio::test]
async fn a_job_exchanges_no_byte_more_than_it_may() {
    let server = Server::giving(5_000_000).await;
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script = r#"
        print 'got: ', length(tunnel('a.org:443', "hello\n")), "\n";
        print 'then: ', short(tunnel('a.org:443', "hello\n")), "\n";
    "#;
    let (printed, ours) = told(&mut yard, asking(script, &["a.org"], 200_000)).await;
    let answers = answers(&printed);
    let got: usize = answers[0].1.parse().expect("a number");
    assert!((1..=200_000 + 100).contains(&got), "{got} with the proxy's own word");
    assert_eq!(answers[1], ("then", "HTTP/1.1 403 Forbidden | The job has sent and received the 200000 bytes it may. "));
    assert_eq!(server.world.connects().len(), 1);
    assert!(ours.contains("The job has sent and received the 200000 bytes it may."), "{ours}");
    yard.close().await;
}

#[tokio::test]
async fn all_jobs_together_are_no_faster_than_the_owner_allows() {
    let server = Server::giving(400_000).await;
    let caps = EgressCaps { bytes_per_second: 100_000, ..PLENTY };
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(caps)).await;
    let script = r#"
        my @all = map { my $s = proxy(); syswrite $s, "CONNECT a.org:443 HTTP/1.1\r\n\r\nhello\n"; $s } 1 .. 3;
        my $got = 0; $got += length all($_) for @all; print "got: $got\n";
    "#;
    let begin = Instant::now();
    let (printed, _) = told(&mut yard, asking(script, &["a.org"], 10_000_000)).await;
    let got: u64 = answers(&printed)[0].1.parse().expect("a number");
    assert!(got >= 1_200_000, "all of it comes: {got}");
    // A bound on bytes that holds however slow the PC is: the rate, for as long as it took, and what may come at once.
    let most = (begin.elapsed().as_secs_f64() + 1.0) * 100_000.0 + 3.0 * 20_000.0;
    assert!((got as f64) <= most, "{got} of {most}");
    yard.close().await;
}

#[tokio::test]
async fn without_the_owners_word_there_is_no_way_out() {
    let server = Server::giving(1).await;
    let (mut yard, owner) = letting(Arc::clone(&server.world), None).await;
    let (reason, detail) = failure(yard.run("", asking("print 'never'", &["a.org"], 1_000)).await);
    assert_eq!(reason, Reason::EngineFailed, "{detail}");
    assert!(detail.contains("owner does not let"), "{detail}");
    assert!(yard.containers().await.is_empty(), "nothing was made");
    // A job that names nothing has no proxy, whatever the owner lets others do.
    owner.send_replace(Some(PLENTY));
    let script = r#"print 'proxy: ', tunnel('a.org:443'), "\n"; print 'variables: ', join(' ', grep /proxy/i, keys %ENV), "\n"; print 'folder: ', (-e '/headframe' ? 'there' : 'none'), "\n""#;
    let (printed, ours) = told(&mut yard, perl(&format!("{ASK} {script}"))).await;
    assert_eq!(answers(&printed), [("proxy", "no proxy: Connection refused"), ("variables", ""), ("folder", "none")]);
    assert_eq!(ours, "");
    // More than the owner allows is not allowed either.
    let (_, detail) = failure(yard.run("", asking("print 'never'", &["a.org"], PLENTY.bytes_per_attempt + 1)).await);
    assert!(detail.contains("owner does not let"), "{detail}");
    assert_eq!(server.world.connects(), Vec::<String>::new());
    yard.close().await;
}

#[tokio::test]
async fn an_owner_who_changes_his_mind_is_obeyed_in_the_middle_of_a_connection() {
    let server = Server::giving(1_000_000_000).await;
    let (mut yard, owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script = r#"
        my $s = proxy(); syswrite $s, "CONNECT a.org:443 HTTP/1.1\r\n\r\nhello\n"; sysread $s, my $first, 1000; print "it flows\n";
        all($s); print "it ended\n"; print 'then: ', short(tunnel('a.org:443')), "\n";
    "#;
    let job = yard.job("", asking(script, &["a.org"], 1 << 30));
    yard.runner.start(job).await;
    yard.logged("it flows").await;
    owner.send_replace(None);
    assert!(matches!(yard.ended().await, Ending::Succeeded { .. }));
    let log = yard.coordinator.log();
    assert!(
        log.contains("it ended\nthen: HTTP/1.1 403 Forbidden | The rig's owner does not let jobs reach the internet any more."),
        "{log}"
    );
    assert_eq!(server.world.connects().len(), 1);
    yard.close().await;
}

#[tokio::test]
async fn garbage_in_the_line_closes_the_jobs_own_way_and_nothing_else() {
    let server = Server::giving(1).await;
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script = r#"
        my $relay = relay() or die 'no relay';
        open(my $line, '>', "/proc/$relay/fd/1") or die $!;
        $SIG{PIPE} = 'IGNORE';
        syswrite $line, 'GARBAGE' x 100_000;
        for (1 .. 1_000) { last unless proxy(); select undef, undef, undef, 0.02 }
        print 'then: ', tunnel('a.org:443', "hello\n"), "\n";
    "#;
    let (printed, ours) = told(&mut yard, asking(script, &["a.org"], 1_000_000)).await;
    assert_eq!(answers(&printed), [("then", "no proxy: Connection refused")]);
    assert!(ours.contains("The job has written into its way out, which is closed now"), "{ours}");
    let (printed, _) =
        told(&mut yard, asking(r#"print 'next: ', short(tunnel('a.org:443', "hello\n"))"#, &["a.org"], 1_000_000)).await;
    assert!(printed.starts_with("next: HTTP/1.1 200"), "another job's way is open: {printed}");
    yard.close().await;
}

#[tokio::test]
async fn forged_frames_reach_nothing_that_honest_ones_would_not() {
    let server = Server::giving(1).await;
    server.world.named("inside.org", &["127.0.0.1"]);
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    // Frames as the relay writes them: kind 1 opens a connection, with a number of its own choosing.
    let script = r#"
        my $relay = relay() or die 'no relay';
        open(my $line, '>', "/proc/$relay/fd/1") or die $!;
        my $id = 1000;
        for my $target ('127.0.0.1:80', '[::1]:80', '169.254.169.254:80', 'inside.org:443', 'b.org:443', 'a.org:80') {
            syswrite $line, pack('C N n', 1, $id++, length $target) . $target;
        }
        select undef, undef, undef, 0.2;
        print 'still: ', short(tunnel('a.org:443', "hello\n")), "\n";
    "#;
    let ending = yard.run("", asking(script, &["a.org", "inside.org"], 1_000_000)).await;
    // The real relay counts on from one: its own request now has a number that was passed, and the way is closed.
    assert!(matches!(ending, Ending::Succeeded { .. }), "{ending:?}");
    let log = yard.coordinator.log();
    assert!(log.contains("inside.org:443 leads to an address inside a private network"), "{log}");
    assert!(log.contains("b.org:443 is not among the hosts"), "{log}");
    assert_eq!(server.world.connects(), Vec::<String>::new());
    yard.close().await;
}

#[tokio::test]
async fn more_connections_than_may_be_are_refused_and_the_rest_goes_on() {
    let server = Server::giving(1).await;
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script = r#"
        my @held = map { my $s = proxy() or die $!; syswrite $s, "CONNECT a.org:443 HTTP/1.1\r\n\r\n"; $s } 1 .. 200;
        my %said; for my $s (@held) { sysread $s, my $head, 12; $said{substr $head, 9}++ }
        print "$_: $said{$_}\n" for sort keys %said;
        @held = ();
        for (1 .. 500) { last if tunnel('a.org:443', "hello\n") =~ / 200 /; select undef, undef, undef, 0.02 }
        print 'then: ', short(tunnel('a.org:443', "hello\n")), "\n";
    "#;
    let (printed, _) = told(&mut yard, asking(script, &["a.org"], 1_000_000)).await;
    let answers = answers(&printed);
    assert_eq!(answers[..2], [("200", "64"), ("503", "136")], "{printed}");
    assert!(printed.contains("then: HTTP/1.1 200"), "{printed}");
    yard.close().await;
}

#[tokio::test]
async fn a_relay_that_was_killed_is_brought_up_again_and_not_for_ever() {
    let server = Server::giving(1).await;
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script = r#"
        my $pid = relay(); kill 9, $pid;
        for (1 .. 500) { last if (relay() // $pid) != $pid && proxy(); select undef, undef, undef, 0.02 }
        print 'again: ', short(tunnel('a.org:443', "hello\n")), "\n";
        for (1 .. 1_500) { my $pid = relay(); kill 9, $pid if $pid; select undef, undef, undef, 0.01 }
        print 'end: ', tunnel('a.org:443', "hello\n"), "\n";
    "#;
    let (printed, ours) = told(&mut yard, asking(script, &["a.org"], 1_000_000)).await;
    assert!(printed.starts_with("again: HTTP/1.1 200"), "{printed}");
    assert!(printed.ends_with("end: no proxy: Connection refused"), "{printed}");
    assert!(ours.contains("ended again and again"), "{ours}");
    yard.close().await;
}

#[tokio::test]
async fn an_agent_that_comes_back_opens_the_way_again_and_remembers_what_was_spent() {
    let server = Server::giving(150_000).await;
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let script = r#"
        print 'first: ', length(tunnel('a.org:443', "hello\n")), "\n";
select undef, undef, undef, 0.05 until -e '/work/go';
        print 'second: ', length(tunnel('a.org:443', "hello\n")), "\n";
    "#;
    let job = yard.job("", asking(script, &["a.org"], 200_000));
    let at = job.at;
    let folder = yard.config.data_dir.join("work").join(at.attempt.to_string());
    yard.runner.start(job.clone()).await;
    yard.logged("first: ").await;
    wait_for(|| {
        std::fs::read_to_string(folder.join("egress"))
            .is_ok_and(|spent| spent.trim().parse().is_ok_and(|spent: u64| spent >= 150_000))
    })
    .await;
    yard.live_again().await;
    let adopted = yard.runner.adopt(vec![Yard::known(&job, 1_000)], Vec::new()).await;
    assert_eq!(adopted[0].found, Found::Running);
    std::fs::write(folder.join("work").join("go"), b"").expect("the work volume is here");
    assert!(matches!(yard.ended().await, Ending::Succeeded { .. }));
    let log = yard.coordinator.log();
    let second: usize = answers(&log).iter().find(|(name, _)| *name == "second").expect("it asked").1.parse().expect("a number");
    assert!(second < 60_000, "of 200000 bytes there were 50000 left: {log}");
    yard.close().await;
}

async fn wait_for(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it comes to be so");
}

#[tokio::test]
async fn the_images_own_program_is_started_as_without_a_way_out() {
    let server = Server::giving(1).await;
    let (mut yard, _owner) = letting(Arc::clone(&server.world), Some(PLENTY)).await;
    let changes = [r#"ENTRYPOINT ["/bin/echo", "entry"]"#, r#"CMD ["own", "args"]"#];
    yard.image = image::make(&yard.docker, &yard.registry.host, "entry", &changes).await;
    let network = json!({"allow": ["a.org"]});
    for (what, printed) in [
        (json!({"command": [], "network": network}), "entry own args"),
        (json!({"command": [], "args": ["other"], "network": network}), "entry other"),
        (json!({"command": ["/bin/echo"], "network": network}), ""),
        (json!({"command": ["echo", "by", "path"], "network": network}), "by path"),
    ] {
        assert_eq!(told(&mut yard, what.clone()).await.0, printed, "{what}");
    }
    yard.coordinator.seen.lock().expect("no panics").log.clear();
    let (reason, _) = failure(yard.run("", json!({"command": ["/bin/none"], "network": network})).await);
    assert_eq!(reason, Reason::ExitCode);
    assert!(yard.coordinator.log().contains("[headframe] /bin/none cannot be started"), "{}", yard.coordinator.log());
    yard.close().await;
}
