use std::time::Duration;

use headframe_protocol::Sha256;

use super::*;

const NOW: TimestampMs = TimestampMs::from_millis(1_764_000_000_000);

fn registry(folder: &Path) -> Registry {
    let config = RegistryConfig { host: "127.0.0.1:5000".to_owned(), ..RegistryConfig::default() };
    Registry::open(folder, &config).expect("opened").expect("there is one")
}

fn image(host: &str) -> ImageRef {
    format!("{host}/acme/render@sha256:{}", Sha256::of(b"x")).parse().expect("an image")
}

#[test]
fn a_rigs_credential_is_for_one_repository_and_one_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = registry(folder.path());
    let login = ours.pull_login(&image("127.0.0.1:5000"), JobId::generate(), NOW).expect("signed").expect("our registry");
    assert_eq!(ours.repository_of(&login.password, NOW).as_deref(), Some("acme/render"));
    assert_eq!(ours.repository_of(&login.password, NOW.after(Duration::from_secs(3 * 3_600))), None, "it runs out");
    assert_eq!(ours.pull_login(&image("registry.example"), JobId::generate(), NOW).expect("asked"), None, "not our registry");
    let other = tempfile::tempdir().expect("a folder");
    assert_eq!(registry(other.path()).repository_of(&login.password, NOW), None, "signed by another");
    let reopened = registry(folder.path());
    assert_eq!(reopened.repository_of(&login.password, NOW).as_deref(), Some("acme/render"), "the key is kept");
    let token = ours.token("x", &[], NOW).expect("signed");
    assert_eq!(ours.repository_of(&token.token, NOW), None, "a registry's token is no credential");
}

#[test]
fn a_network_without_a_registry_has_none() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(Registry::open(folder.path(), &RegistryConfig::default()).expect("opened").is_none());
    let odd = RegistryConfig { host: "h:1".to_owned(), api_url: "ftp://x".to_owned(), service: String::new() };
    assert!(matches!(Registry::open(folder.path(), &odd), Err(RegistryError::ApiUrl(_))));
}

#[cfg(unix)]
#[test]
fn keys_and_secrets_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let url = Url::parse("http://127.0.0.1:8460").expect("an address");
    let path = write_config(folder.path(), "127.0.0.1:5000".parse().expect("an address"), &url, &RegistryConfig::default())
        .expect("written");
    let text = std::fs::read_to_string(&path).expect("readable");
    assert!(text.contains(r#"realm: "http://127.0.0.1:8460/v1/registry/token""#), "{text}");
    for name in ["config.yml", "token.key", "events.secret"] {
        let mode = path.with_file_name(name).metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[test]
fn times_are_written_as_registries_read_them() {
    for (ms, text) in
        [(0, "1970-01-01T00:00:00Z"), (951_827_696_000, "2000-02-29T12:34:56Z"), (1_764_000_000_000, "2025-11-24T16:00:00Z")]
    {
        assert_eq!(token::rfc3339(TimestampMs::from_millis(ms)), text);
    }
}
