//! Which network this rig belongs to, and what an owner is told of one before he joins it.

use std::{path::Path, time::Duration};

use headframe_protocol::{
    control::{NetworkFault, NetworkView, ProfileView},
    profile::{PROFILE_BYTES_MAX, ProfileError, SignedProfile, is_private},
};
use url::Url;

use crate::{
    clock, practice,
    settings::{DEFAULTS, Settings, SettingsError},
};

/// How long a coordinator may take to tell its profile.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a network is not shown, or not joined.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// What was given is not to be joined.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The address that was given does not answer with a profile.
    #[error("{host} does not answer with the profile of a network: {why}")]
    Unreachable {
        /// Whom.
        host: String,
        /// Why, for a person.
        why: &'static str,
    },
    /// It answered with another one's.
    #[error("{host} answered with the profile of {found}")]
    Elsewhere {
        /// Whom.
        host: String,
        /// Whose.
        found: Url,
    },
}

impl NetworkError {
    /// What the window branches on.
    #[must_use]
    pub const fn fault(&self) -> NetworkFault {
        match self {
            Self::Profile(error) => match error {
                ProfileError::TooLong => NetworkFault::TooLong,
                ProfileError::Malformed(_) => NetworkFault::Malformed,
                ProfileError::Version(_) => NetworkFault::Version,
                ProfileError::Unsigned => NetworkFault::Unsigned,
                ProfileError::Forged(_) => NetworkFault::Forged,
                ProfileError::Insecure(_) => NetworkFault::Insecure,
                ProfileError::Field(_) => NetworkFault::Field,
                ProfileError::Expired => NetworkFault::Expired,
                ProfileError::NotYet => NetworkFault::NotYet,
            },
            Self::Unreachable { .. } => NetworkFault::Unreachable,
            Self::Elsewhere { .. } => NetworkFault::Elsewhere,
        }
    }
}

/// The network that the settings in `data_dir` name.
///
/// # Errors
/// [`SettingsError`] if they cannot be read.
pub fn present(data_dir: &Path) -> Result<NetworkView, SettingsError> {
    let coordinator = Settings::load(data_dir)?.coordinator;
    let shipped: Option<Settings> = toml::from_str(DEFAULTS).ok();
    // An address that was written by hand afterwards is not the one that was signed.
    let profile = SignedProfile::kept(&coordinator.profile).ok().filter(|signed| signed.profile.coordinator == coordinator.url);
    Ok(NetworkView {
        chosen: coordinator.practice || shipped.is_none_or(|shipped| shipped.coordinator.url != coordinator.url),
        coordinator: coordinator.url.to_string(),
        profile: profile.as_ref().map(view),
        practice: coordinator.practice,
        no_practice: practice::program().err().map(|error| error.to_string()),
    })
}

/// What joining by `text` would mean; a coordinator whose address it is, is asked.
///
/// # Errors
/// [`NetworkError`]: why nobody should.
pub async fn look(text: &str) -> Result<SignedProfile, NetworkError> {
    match address(text) {
        Some(coordinator) => ask(&coordinator).await,
        None => Ok(SignedProfile::read(text, clock::wall())?),
    }
}

/// A profile as an owner reads it.
#[must_use]
pub fn view(signed: &SignedProfile) -> ProfileView {
    let profile = &signed.profile;
    ProfileView {
        link: signed.link(),
        name: profile.name.clone(),
        coordinator: profile.coordinator.to_string(),
        operator: profile.operator.clone(),
        key: profile.key.0.to_checksum(None),
        fee_bps: profile.fee_bps,
        support: profile.support.clone(),
        content_policy: profile.content_policy.clone(),
        website: profile.website.as_ref().map(Url::to_string),
        issued_ms: profile.issued_ms,
        expires_ms: profile.expires_ms,
    }
}

/// The address of a coordinator, where the text is one and carries no profile.
fn address(text: &str) -> Option<Url> {
    let url: Url = text.trim().parse().ok().filter(|_| text.len() <= PROFILE_BYTES_MAX)?;
    let is_bare = url.query().is_none() && url.fragment().is_none();
    (is_bare && matches!(url.scheme(), "http" | "https")).then_some(url)
}

async fn ask(coordinator: &Url) -> Result<SignedProfile, NetworkError> {
    if !is_private(coordinator) {
        return Err(ProfileError::Insecure(coordinator.clone()).into());
    }
    let host = coordinator.host_str().unwrap_or("nowhere").to_owned();
    let silent = |why| NetworkError::Unreachable { host: host.clone(), why };
    let mut base = coordinator.clone();
    base.set_path(&format!("{}/v1/network", coordinator.path().trim_end_matches('/')));
    let text = tokio::time::timeout(PATIENCE, fetch(base)).await.map_err(|_| silent("no answer within 15 s"))?.map_err(silent)?;
    let signed = SignedProfile::read(&text, clock::wall())?;
    if slashless(&signed.profile.coordinator) != slashless(coordinator) {
        return Err(NetworkError::Elsewhere { host, found: signed.profile.coordinator });
    }
    Ok(signed)
}

/// Follows no redirect: the answer would be another one's.
async fn fetch(address: Url) -> Result<String, &'static str> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let client = client.map_err(|_| "this PC cannot make such requests")?;
    let broken = |_| "nobody takes the connection";
    let mut answer = client.get(address).send().await.map_err(broken)?;
    if !answer.status().is_success() {
        return Err("it has none");
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > PROFILE_BYTES_MAX {
            return Err("its answer is too long to be one");
        }
    }
    String::from_utf8(bytes).map_err(|_| "its answer cannot be read")
}

fn slashless(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
