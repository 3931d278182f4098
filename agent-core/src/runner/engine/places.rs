//! Where container engines answer, per platform, in the order we look.

use std::path::{Path, PathBuf};

/// One place to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) address: String,
}

impl Place {
    #[cfg(unix)]
    fn socket(name: &'static str, path: &Path) -> Self {
        Self { name, address: format!("unix://{}", path.display()) }
    }

    /// The socket's path, if it is one.
    pub(super) fn socket_path(&self) -> Option<&Path> {
        self.address.strip_prefix("unix://").or_else(|| self.address.strip_prefix("npipe://")).map(Path::new)
    }

    /// Whether the engine is on this computer, be it in a VM.
    pub(super) fn here(&self) -> bool {
        self.socket_path().is_some()
    }
}

/// What the places depend on, read once so that the order can be tested.
#[derive(Debug, Default)]
struct Surroundings {
    docker_host: Option<String>,
    #[cfg_attr(windows, expect(dead_code, reason = "its engines answer at pipes, which lie in no folder"))]
    home: Option<PathBuf>,
    #[cfg_attr(windows, expect(dead_code, reason = "its engines answer at pipes, which lie in no folder"))]
    runtime_dir: Option<PathBuf>,
}

/// Where to look: only at the place given, else only at `DOCKER_HOST` if it is set, else at all usual ones.
pub(super) fn to_look_at(given: Option<&str>) -> Vec<Place> {
    let read = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let surroundings = Surroundings {
        docker_host: read("DOCKER_HOST").and_then(|host| host.into_string().ok()),
        home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
        runtime_dir: read("XDG_RUNTIME_DIR").map(PathBuf::from),
    };
    places(given, &surroundings)
}

fn places(given: Option<&str>, around: &Surroundings) -> Vec<Place> {
    if let Some(given) = given {
        // Whatever it is, it speaks Docker's language; the address beside the name says which one it is.
        return vec![Place { name: "Docker", address: as_address(given) }];
    }
    if let Some(host) = &around.docker_host {
        // Whoever set it meant it: falling back silently would run jobs where he does not expect them.
        return vec![Place { name: "Docker", address: as_address(host) }];
    }
    usual(around)
}

fn as_address(text: &str) -> String {
    if text.contains("://") { text.to_owned() } else { format!("unix://{text}") }
}

#[cfg(unix)]
fn usual(around: &Surroundings) -> Vec<Place> {
    let in_home = |name, path: &str| around.home.as_ref().map(|home| Place::socket(name, &home.join(path)));
    let in_runtime = |name, path: &str| around.runtime_dir.as_ref().map(|dir| Place::socket(name, &dir.join(path)));
    [
        Some(Place::socket("Docker", Path::new("/var/run/docker.sock"))),
        in_home("Docker Desktop", ".docker/run/docker.sock"),
        in_home("Docker Desktop", ".docker/desktop/docker.sock"),
        in_runtime("Docker (rootless)", "docker.sock"),
        in_runtime("Podman", "podman/podman.sock"),
        Some(Place::socket("Podman", Path::new("/run/podman/podman.sock"))),
        in_home("Podman", ".local/share/containers/podman/machine/podman.sock"),
        in_home("Colima", ".colima/default/docker.sock"),
        in_home("OrbStack", ".orbstack/run/docker.sock"),
        in_home("Rancher Desktop", ".rd/docker.sock"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(windows)]
fn usual(_around: &Surroundings) -> Vec<Place> {
    let pipe = |name, pipe: &str| Place { name, address: format!("npipe:////./pipe/{pipe}") };
    vec![
        pipe("Docker", "docker_engine"),
        pipe("Docker Desktop", "dockerDesktopLinuxEngine"),
        pipe("Podman", "podman-machine-default"),
    ]
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn check(given: Option<&str>, host: Option<&str>) -> Vec<String> {
        let around = Surroundings {
            docker_host: host.map(str::to_owned),
            home: Some("/home/ann".into()),
            runtime_dir: Some("/run/user/1000".into()),
        };
        places(given, &around).into_iter().map(|place| place.address).collect()
    }

    #[test]
    fn what_the_owner_set_is_the_only_place() {
        assert_eq!(check(Some("/tmp/x.sock"), Some("unix:///y")), ["unix:///tmp/x.sock"]);
        assert_eq!(check(None, Some("tcp://10.0.0.2:2375")), ["tcp://10.0.0.2:2375"]);
    }

    #[test]
    fn docker_comes_first_and_every_kind_is_looked_for() {
        let all = check(None, None);
        assert_eq!(all[0], "unix:///var/run/docker.sock");
        for part in ["/run/user/1000/podman/podman.sock", "/run/podman/podman.sock", ".colima", ".orbstack", ".rd/"] {
            assert!(all.iter().any(|address| address.contains(part)), "{part} is missing from {all:?}");
        }
    }
}
