//! What an operator says of his network to those who may join it: the *network profile*, signed with his key.
//!
//! It travels as a link or as a file, through hands nobody knows. Whoever reads it believes nothing of it but what the signature covers, and
//! of the signature only that all of it was said by one key; whether that is the operator's, a person compares with what the operator
//! publishes elsewhere. Source of what is signed: EIP-712 <https://eips.ethereum.org/EIPS/eip-712>, in a domain of its own, so that no
//! signature of an agent or a wallet is ever one of a profile.

use std::time::Duration;

use alloy_primitives::B256;
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain, sol};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::{
    DeviceId, TimestampMs,
    auth::{self, DeviceSignature},
    error::{FieldError, Noting},
};

/// The only version of the profile there is.
pub const PROFILE_VERSION: u32 = 1;

/// The longest text a profile is read from. In a link three letters stand for most that are not Latin.
pub const PROFILE_BYTES_MAX: usize = 16 * 1024;

/// The same as the coordinator's own limit.
const NAME_BYTES_MAX: usize = 64;
/// Of the operator's name, and of where he helps.
const LINE_CHARS_MAX: usize = 200;
/// Of what may be computed, in a few sentences; the whole policy is on the operator's pages.
const POLICY_CHARS_MAX: usize = 600;
/// Of an address.
const URL_BYTES_MAX: usize = 512;
/// More no network takes.
const FEE_BPS_MAX: u16 = 1_500;
/// The longest a profile may be good for: an operator who has lost his key is forgotten some day.
pub const LIFE_MAX: Duration = Duration::from_secs(2 * 366 * 24 * 60 * 60);
/// What two clocks may differ by.
const CLOCKS_APART: Duration = Duration::from_secs(24 * 60 * 60);

/// What the parameter of a link is called.
const PARAMETER: &str = "profile";

/// What an operator says of his network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NetworkProfile {
    /// [`PROFILE_VERSION`].
    pub version: u32,
    /// The network's name, part of everything rigs sign.
    pub name: String,
    /// What customers and agents dial: https, or http on this PC.
    pub coordinator: Url,
    /// The legal name of who runs it and owes what is earned.
    pub operator: String,
    /// His key, named by its address. This is its fingerprint: a hash of the public key.
    pub key: DeviceId,
    /// The platform's part of every charge, in hundredths of a percent.
    pub fee_bps: u16,
    /// Where people who need help are sent: an address of any kind.
    pub support: String,
    /// What may be computed and what may not, in his words.
    pub content_policy: String,
    /// His own pages, where he also publishes his key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<Url>,
    /// When it was signed.
    pub issued_ms: TimestampMs,
    /// When it is no longer good for joining. Who has joined stays.
    pub expires_ms: TimestampMs,
}

/// A profile with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedProfile {
    /// What is said.
    pub profile: NetworkProfile,
    /// By the key of the operator.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: DeviceSignature,
}

/// Why a text is no profile anybody should join by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Longer than [`PROFILE_BYTES_MAX`].
    #[error("a profile is at most {PROFILE_BYTES_MAX} bytes long")]
    TooLong,
    /// Neither a link of ours nor the text of a file.
    #[error("this is no network profile: {0}")]
    Malformed(String),
    /// Of a version this program does not know.
    #[error("the profile is of version {0}, and this program reads version {PROFILE_VERSION}")]
    Version(u64),
    /// There is no signature.
    #[error("the profile is not signed")]
    Unsigned,
    /// The signature is not of the key it names, or not of these words.
    #[error("the signature is not by the key {0}, or something was changed after it was signed")]
    Forged(DeviceId),
    /// Its address is http, and not on this PC.
    #[error("{0} is not an https address")]
    Insecure(Url),
    /// A field is out of range.
    #[error("`{}` must be {}", .0.field, .0.message)]
    Field(FieldError),
    /// It was good for joining once.
    #[error("the profile has expired")]
    Expired,
    /// It was signed at a time still to come.
    #[error("the profile was signed at a time still to come; the clock of this PC or the operator's is wrong")]
    NotYet,
}

mod eip712 {
    #![allow(missing_docs, reason = "the fields are those of `NetworkProfile`, explained there")]
    use super::sol;

    sol! {
        struct NetworkProfile {
            uint32 version;
            string name;
            string coordinator;
            string operator;
            address key;
            uint16 feeBps;
            string support;
            string contentPolicy;
            string website;
            uint64 issuedMs;
            uint64 expiresMs;
        }
    }
}

/// The domain of what operators sign.
#[must_use]
pub const fn domain() -> Eip712Domain {
    eip712_domain! { name: "Headframe Network", version: "1", }
}

impl NetworkProfile {
    /// The 32 bytes the operator's key signs.
    #[must_use]
    pub fn signing_hash(&self) -> B256 {
        let Self { version, name, coordinator, operator, key, fee_bps, support, content_policy, website, issued_ms, expires_ms } =
            self;
        let millis = |time: &TimestampMs| u64::try_from(time.as_millis()).unwrap_or(0);
        eip712::NetworkProfile {
            version: *version,
            name: name.clone(),
            coordinator: coordinator.to_string(),
            operator: operator.clone(),
            key: key.0,
            feeBps: *fee_bps,
            support: support.clone(),
            contentPolicy: content_policy.clone(),
            website: website.as_ref().map(ToString::to_string).unwrap_or_default(),
            issuedMs: millis(issued_ms),
            expiresMs: millis(expires_ms),
        }
        .eip712_signing_hash(&domain())
    }

    /// Whether every field is one, for an operator who is about to sign it.
    ///
    /// # Errors
    /// [`ProfileError::Insecure`] or [`ProfileError::Field`] for the first that is not.
    pub fn check(&self) -> Result<(), ProfileError> {
        if !is_private(&self.coordinator) {
            return Err(ProfileError::Insecure(self.coordinator.clone()));
        }
        let life = self.issued_ms..=self.issued_ms.after(LIFE_MAX);
        let mut found = Vec::new();
        let mut noting = Noting(&mut found);
        noting.say(self.version != PROFILE_VERSION, "version", "1");
        noting.say(!is_line(&self.name) || self.name.len() > NAME_BYTES_MAX, "name", "1 to 64 bytes on one line");
        noting.say(!is_plain(&self.coordinator), "coordinator", "an address without name, password, query and fragment");
        noting.say(!is_line(&self.operator), "operator", "1 to 200 characters on one line");
        noting.say(self.fee_bps > FEE_BPS_MAX, "fee_bps", "at most 1500");
        noting.say(!is_line(&self.support), "support", "1 to 200 characters on one line");
        let policy = self.content_policy.trim();
        let is_policy = !policy.is_empty() && policy.chars().count() <= POLICY_CHARS_MAX && policy.chars().all(is_text);
        noting.say(!is_policy, "content_policy", "1 to 600 characters");
        let is_site = |site: &Url| is_plain(site) && site.scheme() == "https";
        noting.say(self.website.as_ref().is_some_and(|site| !is_site(site)), "website", "an https address");
        noting.say(
            self.issued_ms.as_millis() < 0 || !life.contains(&self.expires_ms),
            "expires_ms",
            "at most two years after it was signed",
        );
        found.into_iter().next().map_or(Ok(()), |field| Err(ProfileError::Field(field)))
    }
}

impl SignedProfile {
    /// Reads a link or the text of a file, and believes it only if it is whole, signed and good at `now`.
    ///
    /// # Errors
    /// [`ProfileError`]: the first thing that is wrong.
    pub fn read(text: &str, now: TimestampMs) -> Result<Self, ProfileError> {
        let signed = Self::kept(text)?;
        if signed.profile.issued_ms > now.after(CLOCKS_APART) {
            return Err(ProfileError::NotYet);
        }
        if signed.profile.expires_ms <= now {
            return Err(ProfileError::Expired);
        }
        Ok(signed)
    }

    /// Reads one that was joined by before: it need not be good for joining any more.
    ///
    /// # Errors
    /// [`ProfileError`]: the first thing that is wrong.
    pub fn kept(text: &str) -> Result<Self, ProfileError> {
        let signed = Self::parse(text)?;
        signed.profile.check()?;
        auth::verify_hash(signed.profile.signing_hash(), &signed.signature, signed.profile.key.0)
            .map_err(|_| ProfileError::Forged(signed.profile.key))?;
        Ok(signed)
    }

    /// The link that stands for it.
    #[must_use]
    pub fn link(&self) -> String {
        let written = url::form_urlencoded::Serializer::new(String::new()).append_pair(PARAMETER, &self.text()).finish();
        format!("headframe://join?{written}")
    }

    /// The text of a file that holds it.
    #[must_use]
    pub fn text(&self) -> String {
        // Plain data; it always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.len() > PROFILE_BYTES_MAX {
            return Err(ProfileError::TooLong);
        }
        let text = text.trim().trim_start_matches('\u{feff}');
        let json = if text.starts_with('{') { text.to_owned() } else { parameter(text)? };
        let malformed = |error: serde_json::Error| ProfileError::Malformed(error.to_string());
        // What it calls itself comes first: a later version may have other fields, and no fault.
        let seen: serde_json::Value = serde_json::from_str(&json).map_err(malformed)?;
        match seen.pointer("/profile/version").and_then(serde_json::Value::as_u64) {
            Some(version) if version != u64::from(PROFILE_VERSION) => return Err(ProfileError::Version(version)),
            Some(_) | None => {}
        }
        if seen.get("profile").is_some() && seen.get("signature").is_none_or(serde_json::Value::is_null) {
            return Err(ProfileError::Unsigned);
        }
        // From the text again: as a value, a field that stands there twice would have been silently the last.
        serde_json::from_str(&json).map_err(malformed)
    }
}

/// What a link carries, behind its question mark or its number sign: the latter never reaches a server.
fn parameter(text: &str) -> Result<String, ProfileError> {
    let malformed = |what: &str| ProfileError::Malformed(what.to_owned());
    let link = Url::parse(text).map_err(|_| malformed("neither a link nor the text of a profile"))?;
    if !matches!(link.scheme(), "headframe" | "https") {
        return Err(malformed("a link begins with headframe: or https:"));
    }
    let find = |part: &str| {
        url::form_urlencoded::parse(part.as_bytes()).find(|(name, _)| name == PARAMETER).map(|(_, value)| value.into_owned())
    };
    let carried = link.fragment().and_then(find).or_else(|| link.query().and_then(find));
    carried.ok_or_else(|| malformed("the link carries no profile"))
}

/// Whether what is said there stays between the two: https, or http that does not leave this PC.
#[must_use]
pub fn is_private(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" && url.has_host() || url.scheme() == "http" && loopback
}

fn is_plain(url: &Url) -> bool {
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    bare && url.as_str().len() <= URL_BYTES_MAX
}

fn is_line(text: &str) -> bool {
    let letters = text.chars().count();
    !text.trim().is_empty() && letters <= LINE_CHARS_MAX && text.chars().all(|letter| letter != '\n' && is_text(letter))
}

/// Neither a control character nor one that turns the text around it: what is shown is what is there.
fn is_text(letter: char) -> bool {
    let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}');
    letter == '\n' || (!letter.is_control() && !turns)
}
