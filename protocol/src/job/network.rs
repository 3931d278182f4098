//! What a job may reach: nothing, or the few hosts it names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::limits;
use crate::error::FieldError;

/// What the container may reach. On the wire the word `"none"`, or an object with the hosts it needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Network {
    /// Nothing, not even the rig.
    #[default]
    None,
    /// The hosts named, through the agent's proxy, and nothing else. Only on rigs whose owner allows it.
    Egress(Egress),
}

/// The hosts a job needs, and how much it may exchange with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Egress {
    /// `host` or `host:port`, 1 to 16 of them; the port is 443 unless it is named. Whole names of the public internet: no numbers, no
    /// wildcards.
    pub allow: Vec<Host>,
    /// How many bytes one attempt may send and receive, together; 1073741824 (a gibibyte) unless it is named.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

const fn default_max_bytes() -> u64 {
    limits::EGRESS_BYTES_DEFAULT
}

impl Network {
    /// How many bytes one attempt may exchange; 0 for a job that reaches nothing.
    #[must_use]
    pub const fn max_bytes(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Egress(egress) => egress.max_bytes,
        }
    }

    /// The hosts it needs, if it needs any.
    #[must_use]
    pub const fn egress(&self) -> Option<&Egress> {
        match self {
            Self::None => None,
            Self::Egress(egress) => Some(egress),
        }
    }

    pub(super) fn check(&self, found: &mut Vec<FieldError>) {
        let Self::Egress(Egress { allow, max_bytes }) = self else { return };
        if allow.is_empty() || allow.len() > limits::EGRESS_HOSTS_MAX {
            found.push(FieldError::new("network.allow", "1 to 16 hosts; `network: none` for a job that needs none"));
        }
        for (at, host) in allow.iter().enumerate() {
            if allow[..at].contains(host) {
                found.push(FieldError::new(&format!("network.allow[{at}]"), "each host and port once"));
            }
        }
        if *max_bytes == 0 || *max_bytes > limits::EGRESS_BYTES_MAX {
            found.push(FieldError::new("network.max_bytes", "1 to 1099511627776 (a tebibyte)"));
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Egress(egress) => egress.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> de::Visitor<'de> for Either {
            type Value = Network;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, or an object with `allow`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Network, E> {
                if word == "none" { Ok(Network::None) } else { Err(E::invalid_value(de::Unexpected::Str(word), &self)) }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Network, A::Error> {
                Egress::deserialize(de::value::MapAccessDeserializer::new(map)).map(Network::Egress)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Network {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
        let nothing = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["none"]))
            .description(Some("Nothing, not even the rig."))
            .build();
        let either = OneOfBuilder::new()
            .item(nothing)
            .item(utoipa::openapi::Ref::from_schema_name("Egress"))
            .description(Some("What the container may reach: nothing, or the hosts it names."))
            .build();
        Schema::OneOf(either).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Network {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        schemas.push(("Egress".to_owned(), <Egress as utoipa::PartialSchema>::schema()));
        <Egress as utoipa::ToSchema>::schemas(schemas);
    }
}

/// A host of the public internet by its whole name, and a port. Written as `name:port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    name: String,
    port: u16,
}

/// Why a text names no host a job may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseHostError {
    /// Not a name of at least two parts, or one with other characters than names have.
    #[error(
        "a host is a whole name such as `pypi.org`, in letters, digits, `-` and `.` (others as `xn--…`), with no scheme or path"
    )]
    Name,
    /// An address written out. Who may reach numbers may reach any neighbour of the rig.
    #[error("a host is a name, not a number")]
    Number,
    /// A name that has no meaning outside somebody's house.
    #[error("a host is a name of the public internet; this one is for private networks")]
    Private,
    /// Not a port, or one that is not for jobs.
    #[error("a port is 1 to 65535, and not 25: an owner's address must not be taken for a sender of spam")]
    Port,
}

/// A name is 253 characters at most, each of its parts 63.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// What a port is that nobody named: HTTPS.
const PORT_DEFAULT: u16 = 443;

/// Mail between servers.
const PORT_FORBIDDEN: u16 = 25;

/// Last parts of names that are not of the public internet. Looking some of them up asks every PC of a house (`local`).
const PRIVATE: [&str; 14] = [
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
];

impl Host {
    /// The name, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Host {
    type Err = ParseHostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('/') {
            return Err(ParseHostError::Name);
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, port_of(port)?),
            None => (text, PORT_DEFAULT),
        };
        let name = name.to_ascii_lowercase();
        if name.contains([':', '[', ']']) {
            return Err(ParseHostError::Number);
        }
        let labels: Vec<&str> = name.split('.').collect();
        if name.len() > NAME_BYTES_MAX || !labels.iter().all(|label| is_label(label)) {
            return Err(ParseHostError::Name);
        }
        let last = labels.last().copied().unwrap_or_default();
        // What ends in a number is read as an address by resolvers and browsers, in any of its old spellings.
        if last.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(ParseHostError::Number);
        }
        if PRIVATE.contains(&last) {
            return Err(ParseHostError::Private);
        }
        // A name of one part is looked for in the owner's own domain.
        if labels.len() < 2 {
            return Err(ParseHostError::Name);
        }
        Ok(Self { name, port })
    }
}

fn port_of(text: &str) -> Result<u16, ParseHostError> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| plain && *port != 0 && *port != PORT_FORBIDDEN);
    port.ok_or(ParseHostError::Port)
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Host {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Host {}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<String, ParseHostError> {
        text.parse::<Host>().map(|host| host.to_string())
    }

    #[test]
    fn a_host_is_a_whole_name_and_a_port() {
        for (text, read) in [
            ("pypi.org", "pypi.org:443"),
            ("PyPI.org:443", "pypi.org:443"),
            ("files.pythonhosted.org:8080", "files.pythonhosted.org:8080"),
            ("xn--bcher-kva.ch", "xn--bcher-kva.ch:443"),
            ("a_b.s3.amazonaws.com", "a_b.s3.amazonaws.com:443"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(read));
        }
    }

    #[test]
    fn what_is_no_name_of_the_public_internet_is_refused_with_the_reason() {
        use ParseHostError::{Name, Number, Port, Private};
        for (text, why) in [
            ("", Name),
            ("router", Name),
            ("*.pypi.org", Name),
            ("https://pypi.org", Name),
            ("pypi.org/simple", Name),
            ("pypi.org.", Name),
            ("-a.org", Name),
            ("a-.org", Name),
            ("a..org", Name),
            ("b\u{fc}cher.ch", Name),
            ("a b.org", Name),
            ("user@pypi.org", Name),
            ("10.0.0.1", Number),
            ("169.254.169.254:80", Number),
            ("0x7f.1", Number),
            ("127.0.0.0x1", Number),
            ("2130706433", Number),
            ("[::1]:80", Number),
            ("::ffff:10.0.0.1:80", Number),
            ("localhost:80", Private),
            ("nas.local", Private),
            ("vault.corp.internal", Private),
            ("1.0.0.127.in-addr.arpa", Private),
            ("pypi.org:", Port),
            ("pypi.org:0", Port),
            ("pypi.org:65536", Port),
            ("pypi.org:+443", Port),
            ("mx.mail.org:25", Port),
        ] {
            assert_eq!(host(text), Err(why), "{text:?}");
        }
        assert_eq!(host(&format!("{}.org", "a".repeat(64))), Err(Name));
        assert_eq!(host(&format!("{}org", "a.".repeat(126))), Err(Name));
    }

    #[test]
    fn none_is_a_word_and_egress_an_object() {
        let read = |text: &str| serde_json::from_str::<Network>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#""none""#), Ok(Network::None));
        let egress = read(r#"{"allow": ["pypi.org"]}"#).expect("the default of bytes holds");
        assert_eq!(egress.max_bytes(), limits::EGRESS_BYTES_DEFAULT);
        assert_eq!(serde_json::to_string(&egress).expect("JSON"), r#"{"allow":["pypi.org:443"],"max_bytes":1073741824}"#);
        assert_eq!(serde_json::to_string(&Network::None).expect("JSON"), r#""none""#);
        for (text, says) in [
            (r#""all""#, "`none`, or an object"),
            (r#"{"allow": ["10.0.0.1"]}"#, "not a number"),
            (r#"{"deny": []}"#, "deny"),
            (r#"{"max_bytes": 5}"#, "allow"),
            ("true", "`none`, or an object"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
