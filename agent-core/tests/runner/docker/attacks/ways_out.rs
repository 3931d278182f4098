//! Out of the container: to the rig, to its network, to another's job.

use std::{
    collections::BTreeSet,
    net::{TcpListener, UdpSocket},
    os::{linux::net::SocketAddrExt as _, unix::net::UnixListener},
    time::Duration,
};

use headframe_agent::runner::Ending;
use serde_json::json;

use super::{answers, armed, perl, printed_by};

/// Words of this script are answered by whoever is reached, or by the kernel.
const CALLS_FOR_HELP: &str = r#"
    sub four { pack 'S n C4 x8', 2, PORT, split /\./, $_[0] }
    sub six { pack 'S n N n8 L', 10, PORT, 0, @_, 1 }
    sub said { print "$_[0]: ", ($_[1] ? 'through' : $!), "\n" }
    for my $address (qw(ADDRESSES)) {
        socket(my $stream, 2, 1, 0) or die $!;
        said("tcp $address", connect($stream, four($address)));
        socket(my $datagram, 2, 2, 0) or die $!;
        said("udp $address", defined send($datagram, 'x', 0, four($address)));
    }
    my %six = (host => [0xfe80, (0) x 6, 1], all => [0xff02, (0) x 6, 1], local => [0xfd00, (0) x 6, 1]);
    for my $name (sort keys %six) {
        socket(my $stream, 10, 1, 0) or next;
        said("tcp6 $name", connect($stream, six(@{$six{$name}})));
        socket(my $datagram, 10, 2, 0) or die $!;
        said("udp6 $name", defined send($datagram, 'x', 0, six(@{$six{$name}})));
    }
    open my $counters, '<', '/proc/net/dev' or die $!;
    /^\s*(\S+):(.*)/ and print "sent by $1: ", (split ' ', $2)[9], "\n" while <$counters>;
    open my $routes, '<', '/proc/net/route' or die $!;
    print "routes: ", scalar(my @lines = <$routes>) - 1, "\n";
    socket(my $stream, 2, 1, 0) or die $!;
    said('loopback', connect($stream, four('127.0.0.1')));
    socket(my $named, 1, 1, 0) or die $!;
    said('abstract', connect($named, pack 'S x a*', 1, 'NAME'));
    open my $servers, '<', '/etc/resolv.conf' or die $!;
    /^\s*(\w+)\s+(.*)/ and print "resolv.conf $1: $2\n" while <$servers>;
"#;

#[tokio::test]
async fn a_job_reaches_neither_the_rig_nor_its_network_and_sends_nothing() {
    let mut yard = armed().await;
    let streams = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = streams.local_addr().expect("bound").port();
    let datagrams = UdpSocket::bind(("0.0.0.0", port)).expect("the same port");
    let name = format!("headframe-attack-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    let named = UnixListener::bind_addr(&address).expect("a name of nobody else");
    streams.set_nonblocking(true).expect("a socket");
    datagrams.set_nonblocking(true).expect("a socket");
    named.set_nonblocking(true).expect("a socket");
    let mut addresses = vec!["172.17.0.1", "192.168.1.1", "10.0.0.1", "100.64.0.1", "169.254.169.254", "192.0.2.1", "224.0.0.1"];
    let own = own_address();
    addresses.extend(own.as_deref());
    let script =
        CALLS_FOR_HELP.replace("ADDRESSES", &addresses.join(" ")).replace("PORT", &port.to_string()).replace("NAME", &name);
    let log = printed_by(&mut yard, perl(&script)).await;
    let answers = answers(&log);
    let answer = |what: &str| answers.iter().find(|(name, _)| *name == what).map(|(_, answer)| *answer);
    for address in addresses {
        assert_eq!(answer(&format!("tcp {address}")), Some("Network is unreachable"), "{log}");
        assert_eq!(answer(&format!("udp {address}")), Some("Network is unreachable"), "{log}");
    }
    assert!(answers.iter().all(|(_, answer)| *answer != "through"), "{log}");
    let interfaces: Vec<_> = answers.iter().filter(|(name, _)| name.starts_with("sent by ")).collect();
    assert_eq!(interfaces, [&("sent by lo", "0")], "{log}");
    assert_eq!(answer("routes"), Some("0"), "{log}");
    assert_eq!(answer("loopback"), Some("Connection refused"), "its own loopback, not the rig's\n{log}");
    assert_eq!(answer("abstract"), Some("Connection refused"), "{log}");
    assert!(streams.accept().is_err() && named.accept().is_err() && datagrams.recv(&mut [0; 8]).is_err(), "somebody came out");
    assert_eq!(answer("resolv.conf nameserver"), Some("127.0.0.1"), "the owner's is not the job's business\n{log}");
    assert!(answers.iter().filter(|(name, _)| name.starts_with("resolv.conf")).count() <= 2, "{log}");
    yard.close().await;
}

/// The rig's address on its network, if it is on one. Nothing is sent: a socket for datagrams only picks its route.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.77:9").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

/// `AF_VSOCK`, 40, leads to the host of a virtual machine, whatever network a container has; most others have had holes.
#[tokio::test]
async fn a_job_gets_no_socket_that_its_network_does_not_hold() {
    let mut yard = armed().await;
    let script = r#"
        for my $family (1 .. 46) {
            for my $type (1, 2, 3, 5) { socket(my $socket, $family, $type, 0) and print "$family of type $type\n" }
        }
        for my $protocol (1, 6, 17, 255) { socket(my $socket, 2, 3, $protocol) and print "raw $protocol\n" }
        socket(my $socket, 17, 3, 0x300) and print "packets\n";
    "#;
    let log = printed_by(&mut yard, perl(script)).await;
    let got: BTreeSet<&str> = log.lines().collect();
    let fine = [1, 2, 10, 16].into_iter().flat_map(|family| [1, 2, 3, 5].map(|kind| format!("{family} of type {kind}")));
    let fine: BTreeSet<String> = fine.filter(|line| !matches!(line.as_str(), "2 of type 3" | "10 of type 3")).collect();
    let odd: Vec<_> = got.iter().filter(|line| !fine.contains(**line)).collect();
    assert_eq!(odd, Vec::<&&str>::new());
    assert!(got.contains("1 of type 1") && got.contains("2 of type 1"), "the test itself works: {log}");
    yard.close().await;
}

#[tokio::test]
async fn a_job_neither_sees_nor_reaches_another_on_the_same_rig() {
    let mut yard = armed().await;
    let victim = r#"
        socket(my $stream, 2, 1, 0) or die $!;
        bind($stream, pack 'S n C4 x8', 2, 7007, 127, 0, 0, 1) && listen($stream, 5) or die $!;
        socket(my $named, 1, 1, 0) or die $!;
        bind($named, pack 'S x a*', 1, 'headframe-victim') && listen($named, 5) or die $!;
        for my $file (qw(/work/secret /tmp/secret /dev/shm/secret)) { open my $to, '>', $file or die $!; print $to 'secret' }
        defined shmget(7007, 4096, 01666) or die $!;
        print "the victim is ready\n";
        sleep 300;
    "#;
    let victim = yard.job("", perl(victim));
    let at = victim.at;
    yard.runner.start(victim).await;
    yard.logged("the victim is ready").await;
    let thief = r#"
        sub said { print "$_[0]: ", ($_[1] ? 'through' : $!), "\n" }
        socket(my $stream, 2, 1, 0) or die $!;
        said('port', connect($stream, pack 'S n C4 x8', 2, 7007, 127, 0, 0, 1));
        socket(my $named, 1, 1, 0) or die $!;
        said('abstract', connect($named, pack 'S x a*', 1, 'headframe-victim'));
        for my $file (qw(/work/secret /tmp/secret /dev/shm/secret)) { said($file, open my $from, '<', $file) }
        said('memory', defined shmget(7007, 4096, 0666));
        opendir my $processes, '/proc' or die $!;
        print 'processes: ', join(' ', grep { /^\d+$/ && $_ != 1 && $_ != $$ } readdir $processes), "\n";
        print 'kill: ', kill(9, 1 + $$ .. 40 + $$), "\n";
    "#;
    let log = printed_by(&mut yard, perl(thief)).await;
    let none = "No such file or directory";
    let expected = [
        ("port", "Connection refused"),
        ("abstract", "Connection refused"),
        ("/work/secret", none),
        ("/tmp/secret", none),
        ("/dev/shm/secret", none),
        ("memory", none),
        ("processes", ""),
        ("kill", "0"),
    ];
    assert_eq!(answers(&log), expected);
    yard.runner.stop(at, Duration::ZERO).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }), "the victim had lived on");
    yard.close().await;
}

/// A container's own name and hosts are the same on every rig, so that none can be told from another by them.
#[tokio::test]
async fn a_job_does_not_learn_the_rigs_name() {
    let mut yard = armed().await;
    let log =
        printed_by(&mut yard, json!({"command": ["/bin/sh", "-c", "cat /etc/hostname /etc/hosts /proc/sys/kernel/hostname"]}))
            .await;
    let name = rustix::system::uname();
    let name = name.nodename().to_str().expect("a name");
    assert_eq!(log.lines().next(), Some("headframe"));
    assert!(name.len() < 3 || log.split_whitespace().all(|word| word != name), "{log}");
    yard.close().await;
}
