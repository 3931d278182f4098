//! Throws away images nobody uses: manifests that no tag names and no recent job ran.
//!
//! Manifests are removed through the registry's own API while it runs. Freeing the bytes of their layers is the
//! registry's `garbage-collect`, which must not run while anybody pushes: the registry is stopped or read-only for it.

use std::collections::BTreeSet;

use headframe_protocol::TimestampMs;
use reqwest::{Client, Method, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Registry, RegistryError,
    access::{Action, Scope},
    events::{Change, Kind},
};
use crate::store::{Store, StoreError, commit, registry as content};

/// What registries are asked for; they answer with the one they have.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Which images are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Pushed at or after this: its job may be about to be submitted.
    pub pushed_since: TimestampMs,
    /// Named by a job submitted at or after this.
    pub used_since: TimestampMs,
}

/// What was thrown away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Repositories looked at.
    pub repositories: usize,
    /// Manifests kept.
    pub kept: usize,
    /// Manifests removed, as `repository@digest`.
    pub removed: Vec<String>,
    /// Layers that the registry no longer has, and that no longer count.
    pub layers_gone: usize,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The database refused.
    #[error("the database could not tell what is in the registry")]
    Store(#[source] StoreError),
    /// The registry did not answer.
    #[error("the registry did not answer about {repository}")]
    Unreachable {
        /// What was asked about.
        repository: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The registry refused.
    #[error("the registry answered {status} about {repository}")]
    Refused {
        /// What was asked about.
        repository: String,
        /// What it said.
        status: StatusCode,
    },
    /// No token.
    #[error("no token for the registry")]
    Token(#[source] RegistryError),
}

/// Removes manifests that nobody uses.
///
/// # Errors
/// [`PruneError`]; what was removed until then stays removed.
pub async fn manifests(registry: &Registry, store: &Store, keep: Keep) -> Result<Pruned, PruneError> {
    let mut pruned = Pruned::default();
    for repository in repositories(store).await? {
        let api = Api::open(registry, store, &repository).await?;
        pruned.repositories += 1;
        let mut connection = store.read().await.map_err(PruneError::Store)?;
        let all = content::digests(&mut connection, &repository, Kind::Manifest, TimestampMs::from_millis(i64::MAX)).await;
        let old = content::digests(&mut connection, &repository, Kind::Manifest, keep.pushed_since).await;
        let (all, old) = (all.map_err(PruneError::Store)?, old.map_err(PruneError::Store)?);
        let mut kept = api.tagged().await?;
        for digest in &all {
            let used = content::is_used(&mut connection, digest, keep.used_since).await.map_err(PruneError::Store)?;
            if used || !old.contains(digest) {
                kept.insert(digest.clone());
            }
        }
        drop(connection);
        kept.extend(api.parts_of(&kept).await?);
        for digest in old.iter().filter(|digest| !kept.contains(*digest)) {
            api.remove(digest).await?;
            forget(store, &repository, digest).await?;
            pruned.removed.push(format!("{repository}@{digest}"));
        }
        pruned.kept += kept.len();
    }
    Ok(pruned)
}

/// Stops counting layers that the registry has freed. Run after its `garbage-collect`.
///
/// # Errors
/// [`PruneError`]; what was found until then stays so.
pub async fn count_layers(registry: &Registry, store: &Store) -> Result<usize, PruneError> {
    let mut gone = 0;
    for repository in repositories(store).await? {
        let api = Api::open(registry, store, &repository).await?;
        let mut connection = store.read().await.map_err(PruneError::Store)?;
        let layers = content::digests(&mut connection, &repository, Kind::Layer, store.now()).await.map_err(PruneError::Store)?;
        drop(connection);
        for digest in layers {
            if !api.has_layer(&digest).await? {
                forget(store, &repository, &digest).await?;
                gone += 1;
            }
        }
    }
    Ok(gone)
}

async fn repositories(store: &Store) -> Result<Vec<String>, PruneError> {
    let mut connection = store.read().await.map_err(PruneError::Store)?;
    content::repositories(&mut connection).await.map_err(PruneError::Store)
}

async fn forget(store: &Store, repository: &str, digest: &str) -> Result<(), PruneError> {
    let removed = Change::Removed { repository: repository.to_owned(), digest: digest.to_owned() };
    let mut tx = store.begin().await.map_err(PruneError::Store)?;
    content::apply(&mut tx, &removed, store.now()).await.map_err(PruneError::Store)?;
    commit(tx, "forget registry content").await.map_err(PruneError::Store)
}

/// One repository's part of the registry's API.
struct Api<'a> {
    client: Client,
    base: Url,
    token: String,
    repository: &'a str,
}

#[derive(Default, Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    digest: String,
}

impl<'a> Api<'a> {
    async fn open(registry: &Registry, store: &Store, repository: &'a str) -> Result<Self, PruneError> {
        let scope = Scope { repository: repository.to_owned(), actions: vec![Action::Pull, Action::Delete] };
        let token = registry.token("garbage-collection", &[scope], store.now()).map_err(PruneError::Token)?;
        Ok(Self { client: Client::new(), base: registry.api_url().clone(), token: token.token, repository })
    }

    async fn send(&self, method: Method, rest: &str) -> Result<Response, PruneError> {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{rest}", self.repository));
        let request = self.client.request(method, url).bearer_auth(&self.token).header(header::ACCEPT, MANIFEST_TYPES);
        let unreachable = |source: reqwest::Error| PruneError::Unreachable { repository: self.repository.to_owned(), source };
        let response = request.send().await.map_err(unreachable)?;
        if response.status().is_success() || response.status() == StatusCode::NOT_FOUND {
            return Ok(response);
        }
        Err(PruneError::Refused { repository: self.repository.to_owned(), status: response.status() })
    }

    async fn json<T: Default + serde::de::DeserializeOwned>(&self, rest: &str) -> Result<T, PruneError> {
        let response = self.send(Method::GET, rest).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(T::default());
        }
        response.json().await.map_err(|source| PruneError::Unreachable { repository: self.repository.to_owned(), source })
    }

    /// Digests a tag names.
    async fn tagged(&self) -> Result<BTreeSet<String>, PruneError> {
        let Tags { tags } = self.json("tags/list").await?;
        let mut found = BTreeSet::new();
        for tag in tags.unwrap_or_default() {
            let response = self.send(Method::HEAD, &format!("manifests/{tag}")).await?;
            let digest = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
            found.extend(digest.map(str::to_owned));
        }
        Ok(found)
    }

    /// Manifests that an index among `kept` is made of.
    async fn parts_of(&self, kept: &BTreeSet<String>) -> Result<BTreeSet<String>, PruneError> {
        let mut found = BTreeSet::new();
        for digest in kept {
            let Index { manifests } = self.json(&format!("manifests/{digest}")).await?;
            found.extend(manifests.into_iter().map(|part| part.digest));
        }
        Ok(found)
    }

    async fn remove(&self, digest: &str) -> Result<(), PruneError> {
        self.send(Method::DELETE, &format!("manifests/{digest}")).await.map(drop)
    }

    async fn has_layer(&self, digest: &str) -> Result<bool, PruneError> {
        Ok(self.send(Method::HEAD, &format!("blobs/{digest}")).await?.status() != StatusCode::NOT_FOUND)
    }
}
