use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Mutex,
};

use futures_util::future::BoxFuture;
use headframe_protocol::address::is_public;
use proptest::prelude::*;

use super::*;

/// Names lead where the test says, each lookup to the next answer; nobody is there.
#[derive(Debug, Default)]
struct Empty {
    names: Mutex<BTreeMap<&'static str, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<SocketAddr>>,
}

impl Empty {
    fn with(names: &[(&'static str, &[&str])]) -> Self {
        let world = Self::default();
        for (name, addresses) in names {
            let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
            world.names.lock().expect("no panics").entry(name).or_default().push_back(addresses);
        }
        world
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panics").iter().map(ToString::to_string).collect()
    }
}

impl World for Empty {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let mut names = self.names.lock().expect("no panics");
        let next = names.get_mut(name).and_then(VecDeque::pop_front);
        Box::pin(async move { next.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        self.asked.lock().expect("no panics").push(to);
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }
}

fn host(text: &str) -> Host {
    text.parse().expect("a host")
}

async fn refused(world: &Empty, text: &str) -> Refusal {
    reach(world, &host(text), Within::USUAL).await.expect_err("nobody is there")
}

#[test]
fn only_what_the_job_named_is_reached_and_only_at_that_port() {
    let allow = [host("pypi.org"), host("a.org:8080")];
    for target in ["pypi.org:443", "PYPI.org:443", "pypi.org", "a.org:8080"] {
        assert!(named(&allow, target).is_ok(), "{target}");
    }
    for target in ["pypi.org:80", "a.org:443", "www.pypi.org:443", "pypi.org.evil.org:443"] {
        assert!(matches!(named(&allow, target), Err(Refusal::NotNamed(_))), "{target}");
    }
    for target in [
        "127.0.0.1:443",
        "[::1]:443",
        "[fe80::1%eth0]:443",
        "::ffff:10.0.0.1:443",
        "0x7f000001:80",
        "localhost:80",
        "pypi.org.:443",
        "a\r\nb:1",
    ] {
        let refusal = named(&allow, target).expect_err(target);
        assert_eq!(refusal.status(), 403, "{target}");
        assert!(!refusal.to_string().contains(['\r', '\n']), "{target}");
    }
}

#[tokio::test]
async fn a_name_that_leads_into_a_house_is_refused_before_anybody_is_asked() {
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:a9fe:a9fe::",
        "2001:0:1:2::3",
        "2001:db8::1",
        "fec0::1",
    ] {
        let world = Empty::with(&[("evil.org", &[address])]);
        assert_eq!(refused(&world, "evil.org").await, Refusal::Private(host("evil.org")), "{address}");
        assert_eq!(world.asked(), Vec::<String>::new(), "{address}");
    }
}

#[tokio::test]
async fn one_private_address_among_public_ones_spoils_the_name() {
    let world = Empty::with(&[("mixed.org", &["93.184.216.34", "10.0.0.1"])]);
    assert_eq!(refused(&world, "mixed.org").await, Refusal::Private(host("mixed.org")));
    assert_eq!(world.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_judged_is_what_is_connected_to_and_nothing_is_looked_up_twice() {
    // The second answer is the attacker's: it is asked for only by a second request, and judged then.
    let world = Empty::with(&[("rebind.org", &["93.184.216.34", "2606:2800:220:1::1"]), ("rebind.org", &["127.0.0.1"])]);
    assert_eq!(refused(&world, "rebind.org:8443").await, Refusal::Unreachable(host("rebind.org:8443")));
    let public = ["93.184.216.34:8443", "[2606:2800:220:1::1]:8443"];
    assert_eq!(world.asked(), public);
    assert_eq!(refused(&world, "rebind.org:8443").await, Refusal::Private(host("rebind.org:8443")));
    assert_eq!(world.asked(), public);
}

#[tokio::test]
async fn a_name_without_addresses_and_one_nobody_knows_are_told_alike() {
    let world = Empty::with(&[("empty.org", &[])]);
    assert_eq!(refused(&world, "empty.org").await, Refusal::Unknown(host("empty.org")));
    assert_eq!(refused(&world, "nobody.org").await, Refusal::Unknown(host("nobody.org")));
}

#[derive(Debug)]
struct Mute;

impl World for Mute {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let known = (name == "known.org").then(|| vec![IpAddr::from([1, 1, 1, 1])]);
        Box::pin(async move { if let Some(known) = known { Ok(known) } else { std::future::pending().await } })
    }

    fn connect(&self, _to: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn nobody_is_waited_for_for_ever() {
    let within = Within { resolve: Duration::from_millis(1), connect: Duration::from_millis(1) };
    for name in ["known.org", "unknown.org"] {
        assert_eq!(reach(&Mute, &host(name), within).await.expect_err("nobody answers"), Refusal::Silent(host(name)));
    }
}

/// A reference of its own: the registries' lists of special addresses, as prefixes.
const SPECIAL_V4: [(&str, u32); 16] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
    ("255.255.255.255", 32),
];

fn is_special(address: Ipv4Addr) -> bool {
    SPECIAL_V4.iter().any(|(prefix, bits)| {
        let prefix: Ipv4Addr = prefix.parse().expect("an address");
        (u32::from(address) ^ u32::from(prefix)).checked_shr(32 - bits).unwrap_or(0) == 0
    })
}

/// Every way in which an IPv4 address is written as one of IPv6 that leads to it.
fn forms(address: Ipv4Addr) -> [Ipv6Addr; 4] {
    let [a, b, c, d] = address.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    [
        address.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
    ]
}

#[test]
fn the_edges_of_every_special_block_are_where_they_should_be() {
    for (prefix, bits) in SPECIAL_V4 {
        let first = u32::from(prefix.parse::<Ipv4Addr>().expect("an address"));
        let last = first | u32::MAX.checked_shr(bits).unwrap_or(0);
        for number in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
            let address = Ipv4Addr::from(number);
            assert_eq!(is_public(address.into()), !is_special(address), "{address}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_address_is_judged_alike_however_it_is_written(number in prop_oneof![
        any::<u32>(),
        (prop::sample::select(SPECIAL_V4.as_slice()), any::<u32>()).prop_map(|((prefix, bits), rest)| {
            u32::from(prefix.parse::<Ipv4Addr>().expect("an address")) | (rest & u32::MAX.checked_shr(bits).unwrap_or(0))
        }),
    ]) {
        let address = Ipv4Addr::from(number);
        prop_assert_eq!(is_public(address.into()), !is_special(address));
        for form in forms(address) {
            prop_assert!(!is_special(address) || !is_public(form.into()), "{} as {}", address, form);
        }
    }

    #[test]
    fn outside_of_the_global_block_nothing_of_ipv6_is_public_but_public_ipv4(number in any::<u128>()) {
        let address = Ipv6Addr::from(number);
        let [first, second, ..] = address.segments();
        if first & 0xe000 != 0x2000 || (first == 0x2001 && second < 0x200) {
            let inner = address.to_ipv4().is_some() || (first, second) == (0x64, 0xff9b);
            prop_assert!(inner || !is_public(address.into()), "{}", address);
        }
    }
}
