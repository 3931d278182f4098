//! Which coordinator, with which key: from the environment, or from the file `headframe login` has written.
//!
//! The file is readable by its owner only. The key is never taken from the command line, where every program on the
//! computer could read it, and never printed.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use directories::ProjectDirs;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::{ApiKey, Client, error::ClientError};

/// The file's name in the configuration folder.
const FILE_NAME: &str = "credentials.json";

/// Why there are no credentials, or none that work.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Neither environment nor file has a key.
    #[error("no API key; run `headframe login`, or set HEADFRAME_URL and HEADFRAME_API_KEY")]
    NoKey,
    /// Nobody said where what is public can be had.
    #[error("which coordinator? Give --url or HEADFRAME_URL, or run `headframe login`")]
    NoAddress,
    /// What was given cannot be a key.
    #[error("this is not an API key; it begins with hfk_ and has no spaces")]
    MalformedKey,
    /// What was given is not an address. It is not said again: it may have a password in it.
    #[error("{what}; the address of a coordinator is such as https://api.example.org")]
    BadUrl {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The key would be readable by everybody on the way.
    #[error(
        "{host} must be spoken to by https; plain http is for this computer only, because the API key travels with every request"
    )]
    Insecure {
        /// The host.
        host: String,
    },
    /// The coordinator does not take the key.
    #[error(transparent)]
    Rejected(ClientError),
    /// This system tells no folder for settings.
    #[error("this system names no folder for settings; set HEADFRAME_URL and HEADFRAME_API_KEY")]
    NoFolder,
    /// The file cannot be read or written.
    #[error("could not use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what `login` writes.
    #[error("{path} cannot be understood; run `headframe login` again")]
    Garbled {
        /// Which.
        path: PathBuf,
    },
}

/// What `login` keeps.
#[derive(Serialize, Deserialize)]
struct Saved {
    url: Url,
    api_key: String,
}

/// An address and a key that belong together.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The coordinator.
    pub url: Url,
    /// The customer's key.
    pub key: ApiKey,
}

impl Credentials {
    /// From what the environment gives (`url`, `key`), else from the file.
    ///
    /// A saved key is sent only to the address it was saved with: another address needs a key of its own.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn find(url: Option<&str>, key: Option<&str>) -> Result<Self, CredentialsError> {
        let url = url.map(parse_url).transpose()?;
        let key = key.map(|key| ApiKey::parse(key).ok_or(CredentialsError::MalformedKey)).transpose()?;
        if let (Some(url), Some(key)) = (&url, &key) {
            return Ok(Self { url: url.clone(), key: key.clone() });
        }
        let saved = load(&file()?)?.ok_or(CredentialsError::NoKey)?;
        match (url, key) {
            (None, key) => Ok(Self { url: saved.url, key: key.unwrap_or(saved.key) }),
            (Some(url), None) if url == saved.url => Ok(saved),
            (Some(_), _) => Err(CredentialsError::NoKey),
        }
    }

    /// Keeps them for the next command. Answers where.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn save(&self) -> Result<PathBuf, CredentialsError> {
        let path = file()?;
        write_private(&path, &Saved { url: self.url.clone(), api_key: self.key.expose().to_owned() })
            .map_err(|source| CredentialsError::File { path: path.clone(), source })?;
        Ok(path)
    }

    /// A client that uses them.
    ///
    /// # Errors
    /// [`ClientError::Setup`].
    pub fn client(&self) -> Result<Client, ClientError> {
        Client::new(self.url.clone(), self.key.clone())
    }
}

/// Removes what `login` kept. Says whether there was anything.
///
/// # Errors
/// [`CredentialsError`].
pub fn forget() -> Result<bool, CredentialsError> {
    let path = file()?;
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(CredentialsError::File { path, source }),
    }
}

/// The address a person gave, without what would get in the way.
///
/// # Errors
/// [`CredentialsError::BadUrl`] or [`CredentialsError::Insecure`].
pub fn parse_url(text: &str) -> Result<Url, CredentialsError> {
    let refused = |what| Err(CredentialsError::BadUrl { what });
    let Ok(url) = Url::parse(text.trim()) else { return refused("this is not an address") };
    let Some(host) = url.host().filter(|_| matches!(url.scheme(), "http" | "https")) else {
        return refused("this is not an address of the web");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("an address with a name or a password in it is not taken");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("an address with ? or # in it is not taken");
    }
    if url.scheme() == "http" && !is_this_computer(&host) {
        return Err(CredentialsError::Insecure { host: host.to_string() });
    }
    Ok(url)
}

fn is_this_computer(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// The coordinator to ask for what is public: the given one, else the one of the file. No key goes with it.
///
/// # Errors
/// [`CredentialsError`].
pub fn public_url(url: Option<&str>) -> Result<Url, CredentialsError> {
    match url {
        Some(url) => parse_url(url),
        None => Ok(load(&file()?)?.ok_or(CredentialsError::NoAddress)?.url),
    }
}

fn file() -> Result<PathBuf, CredentialsError> {
    Ok(folder()?.join(FILE_NAME))
}

/// Where this program keeps what only its owner may read.
///
/// # Errors
/// [`CredentialsError::NoFolder`].
pub fn folder() -> Result<PathBuf, CredentialsError> {
    let folder = std::env::var_os("HEADFRAME_CONFIG_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| ProjectDirs::from("", "", "headframe").map(|dirs| dirs.config_dir().to_owned()));
    folder.ok_or(CredentialsError::NoFolder)
}

fn load(path: &Path) -> Result<Option<Credentials>, CredentialsError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CredentialsError::File { path: path.to_owned(), source }),
    };
    let garbled = || CredentialsError::Garbled { path: path.to_owned() };
    let Saved { url, api_key } = serde_json::from_slice(&text).map_err(|_| garbled())?;
    let key = ApiKey::parse(&api_key).ok_or_else(garbled)?;
    Ok(Some(Credentials { url: parse_url(url.as_str())?, key }))
}

/// A temporary file is private from its first byte, and the rename leaves no moment without a whole file.
fn write_private(path: &Path, saved: &Saved) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut temporary, saved)?;
    temporary.write_all(b"\n")?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/credentials.json");
        let saved = Saved { url: "http://127.0.0.1:1".parse().expect("an address"), api_key: "hfk_x".to_owned() };
        write_private(&path, &saved).expect("a writable folder");
        assert_eq!(std::fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
        let read = load(&path).expect("what was written").expect("a file");
        assert_eq!((read.url, read.key.expose()), (saved.url, "hfk_x"));
    }

    #[test]
    fn an_address_is_http_and_nothing_else() {
        for text in ["", "example.org", "ftp://example.org", "http://", "https://example.org/?x=1", "https://example.org/#x"] {
            assert!(matches!(parse_url(text), Err(CredentialsError::BadUrl { .. })), "{text:?} must be refused");
        }
        assert_eq!(parse_url(" https://example.org\n").expect("an address").as_str(), "https://example.org/");
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_said_again() {
        for text in ["https://user@example.org", "https://user:hunter2@example.org", "https://:hunter2@example.org"] {
            let refused = parse_url(text).expect_err("a password is not taken").to_string();
            assert!(!refused.contains("hunter2") && !refused.contains("user"), "{refused}");
        }
    }

    #[test]
    fn a_key_does_not_travel_in_the_clear() {
        for text in ["http://example.org", "http://192.168.1.5:8080", "http://localhost.example.org", "http://[2001:db8::1]"] {
            assert!(matches!(parse_url(text), Err(CredentialsError::Insecure { .. })), "{text:?} must be refused");
        }
        for text in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1", "https://192.168.1.5"] {
            assert!(parse_url(text).is_ok(), "{text:?} must be taken");
        }
    }
}
