//! Writes the configuration of a stock distribution registry that trusts this coordinator.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use url::Url;

use super::{RegistryError, keys, token::ISSUER};
use crate::config::RegistryConfig;

/// Carries the secret that tells the registry's notifications from anybody else's.
pub const SECRET_HEADER: &str = "x-headframe-registry-secret";

/// Writes `config.yml` for a registry that listens on `listen`, keeps its bytes below the coordinator's data directory,
/// asks the coordinator at `public_url` for tokens and tells it of pushes. Returns the file's path:
/// `docker-registry serve <path>` starts it. Only its owner can read the file, for it holds the secret of notifications.
///
/// # Errors
/// [`RegistryError`] if keys or the file cannot be written.
pub fn write_config(
    data_dir: &Path,
    listen: SocketAddr,
    public_url: &Url,
    config: &RegistryConfig,
) -> Result<PathBuf, RegistryError> {
    let folder = keys::folder(data_dir);
    let keys = keys::TokenKeys::open(&folder)?;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let base = public_url.as_str().trim_end_matches('/');
    let path = folder.join("config.yml");
    keys::keep(
        &path,
        &yaml(&Values {
            storage: &absolute(&folder.join("storage")).display().to_string(),
            listen: &listen.to_string(),
            base,
            service: &super::service(config),
            certificate: &absolute(keys.certificate_path()).display().to_string(),
            secret: keys.events_secret(),
        }),
    )?;
    Ok(path)
}

struct Values<'a> {
    storage: &'a str,
    listen: &'a str,
    base: &'a str,
    service: &'a str,
    certificate: &'a str,
    secret: &'a str,
}

/// Texts are written as JSON strings, which are YAML strings too.
fn yaml(values: &Values<'_>) -> String {
    let Values { storage, listen, base, service, certificate, secret } = values;
    format!(
        "\
# Written by headframe-coordinator; changes are overwritten.
version: 0.1
log:
  level: warn
  fields:
    service: registry
storage:
  # No descriptor cache: it would still name blobs after garbage collection removed them.
  filesystem:
    rootdirectory: {storage:?}
  delete:
    enabled: true
http:
  addr: {listen:?}
  headers:
    X-Content-Type-Options: [nosniff]
auth:
  token:
    realm: {realm:?}
    service: {service:?}
    issuer: {ISSUER:?}
    rootcertbundle: {certificate:?}
notifications:
  endpoints:
    - name: headframe
      url: {events:?}
      headers:
        {SECRET_HEADER}: [{secret:?}]
      timeout: 5s
      threshold: 5
      backoff: 2s
",
        realm = format!("{base}/v1/registry/token"),
        events = format!("{base}/v1/registry/events"),
    )
}
