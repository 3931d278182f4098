//! What the registry tells us it did, in the distribution's notification format.
//!
//! Source: <https://distribution.github.io/distribution/about/notifications/>. Only what counts against a quota is read.

use serde::Deserialize;

/// The longest name of a repository that registries take.
const NAME_BYTES_MAX: usize = 255;

/// Several events at once.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    /// In the order they happened.
    pub events: Vec<Event>,
}

/// One thing that happened.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// `push`, `pull`, `mount` or `delete`; new kinds are passed over.
    pub action: String,
    /// To what.
    pub target: Target,
}

/// What it happened to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Tells manifests from layers.
    #[serde(default)]
    pub media_type: String,
    /// How many bytes.
    #[serde(default)]
    pub size: u64,
    /// `sha256:…`. Absent where only a tag was removed.
    #[serde(default)]
    pub digest: String,
    /// Such as `acme/render`.
    #[serde(default)]
    pub repository: String,
}

/// What is in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Names an image's parts.
    Manifest,
    /// One of the parts.
    Layer,
}

impl Kind {
    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Layer => "layer",
        }
    }
}

/// What changed in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Content is there now.
    Added {
        /// Where.
        repository: String,
        /// What.
        digest: String,
        /// Of which kind.
        kind: Kind,
        /// How many bytes.
        bytes: u64,
    },
    /// Content is gone.
    Removed {
        /// From where.
        repository: String,
        /// What.
        digest: String,
    },
}

impl Event {
    /// What it changed, if anything that counts.
    #[must_use]
    pub fn change(self) -> Option<Change> {
        let Target { media_type, size, digest, repository } = self.target;
        // A registry that tells of names which no registry has is not believed.
        let plain = |text: &str| !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
        if !plain(&digest) || !plain(&repository) {
            return None;
        }
        match self.action.as_str() {
            "push" | "mount" => {
                let kind = if media_type.contains("manifest") || media_type.contains("image.index") {
                    Kind::Manifest
                } else {
                    Kind::Layer
                };
                Some(Change::Added { repository, digest, kind, bytes: size })
            }
            "delete" => Some(Change::Removed { repository, digest }),
            _ => None,
        }
    }
}
