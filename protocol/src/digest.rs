//! Names that are their own proof: what is called by its sha-256 cannot be swapped on the way.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest image reference accepted, in bytes. Registries allow 255 for the name; host, port and digest come on top.
const IMAGE_REF_BYTES_MAX: usize = 512;

/// A sha-256 sum. On the wire: 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, as = "String"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct Sha256([u8; 32]);

/// Why a text is not a sum or an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// Not 64 lower-case hex digits.
    #[error("a sha-256 sum is 64 lower-case hex digits")]
    Sum,
    /// No `@sha256:` at the end. A tag can be moved to other bytes after the owner was shown it.
    #[error("an image is named by digest: registry/name@sha256:<64 hex digits>; a tag is not accepted")]
    NoDigest,
    /// The part before the digest is not a registry and a repository.
    #[error("an image is named with its registry: registry[:port]/name@sha256:<64 hex digits>")]
    Name,
}

impl Sha256 {
    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The sum of `data`.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(data).into())
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(ParseDigestError::Sum);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseDigestError::Sum)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(sum: Sha256) -> Self {
        sum.to_string()
    }
}

/// A container image by digest, `registry[:port]/repository@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, as = "String"))]
pub struct ImageRef {
    registry: String,
    repository: String,
    digest: Sha256,
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ImageRef {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ImageRef {}

impl ImageRef {
    /// Host and, if not the default, port of the registry.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository inside the registry, such as `acme/render`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// What the image's manifest hashes to.
    #[must_use]
    pub const fn digest(&self) -> Sha256 {
        self.digest
    }

    /// `registry/repository`, what engines call the image's name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@sha256:{}", self.registry, self.repository, self.digest)
    }
}

impl FromStr for ImageRef {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > IMAGE_REF_BYTES_MAX {
            return Err(ParseDigestError::Name);
        }
        let (name, digest) = text.split_once("@sha256:").ok_or(ParseDigestError::NoDigest)?;
        let digest = digest.parse().map_err(|_| ParseDigestError::NoDigest)?;
        let (registry, repository) = name.split_once('/').ok_or(ParseDigestError::Name)?;
        if !is_registry(registry) || !repository.split('/').all(is_path_component) {
            return Err(ParseDigestError::Name);
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), digest })
    }
}

/// The distribution specification's host: has a dot, a port, or is `localhost`, so that `library/x` is not taken for one.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let port_ok = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    named && port_ok && (host.contains('.') || port.is_some() || host == "localhost")
}

/// The distribution specification's path component: `[a-z0-9]+([._-]+[a-z0-9]+)*`.
fn is_path_component(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
        && text.bytes().next().is_some_and(plain)
        && text.bytes().last().is_some_and(plain)
}

impl TryFrom<String> for ImageRef {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> Self {
        image.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn an_image_is_named_by_digest_and_registry() {
        let text = format!("127.0.0.1:5000/acme/render@sha256:{SUM}");
        let image: ImageRef = text.parse().expect("a full reference");
        assert_eq!((image.registry(), image.repository()), ("127.0.0.1:5000", "acme/render"));
        assert_eq!(image.to_string(), text);
    }

    #[test]
    fn a_tag_is_not_a_name() {
        assert_eq!("127.0.0.1:5000/acme/render:latest".parse::<ImageRef>(), Err(ParseDigestError::NoDigest));
        let both = format!("127.0.0.1:5000/acme/render:latest@sha256:{SUM}");
        assert_eq!(both.parse::<ImageRef>(), Err(ParseDigestError::Name));
    }

    #[test]
    fn a_name_cannot_climb_out_of_its_registry() {
        for name in ["127.0.0.1:5000/../x", "127.0.0.1:5000//x", "library/x", "127.0.0.1:0/x", "host.a/"] {
            assert!(format!("{name}@sha256:{SUM}").parse::<ImageRef>().is_err(), "{name} must be refused");
        }
    }

    #[test]
    fn the_sum_of_nothing_is_known() {
        assert_eq!(Sha256::of(b"").to_string(), SUM);
    }
}
