//! What container engines say of themselves, for an owner who wants to know why his is taken or not.

use std::path::Path;

use bollard::models::{SystemInfoCgroupVersionEnum, SystemVersion};

use super::{Limit, Met, Note, WhyNot, fitness, meet, on_this_kernel, places};
use crate::runner::work::{self, DiskLimit};

/// A place that was looked at, and what answered there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What people call it.
    pub name: String,
    /// The socket or address.
    pub address: String,
    /// What the owner should know of an engine that is taken, or why it is not.
    pub verdict: Result<Vec<Note>, WhyNot>,
    /// What it says of itself, if it speaks.
    pub testimony: Option<Testimony>,
    /// How a job's disk use would be held to its limit; absent if it could not be tried.
    pub disk_limit: Option<DiskLimit>,
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Testimony {
    /// Its parts with their versions, such as `runc`.
    pub parts: Vec<(String, String)>,
    /// Which control groups it uses.
    pub cgroup_version: Option<u8>,
    /// Limits that it cannot set.
    pub limits_missing: Vec<Limit>,
    /// Its default list of system calls, if it has one.
    pub seccomp: Option<String>,
    /// Whether root in a container is root outside.
    pub users: Users,
    /// Whether plugins decide what its clients may do.
    pub has_authorization_plugins: bool,
    /// Its ways to run a container, by name.
    pub runtimes: Vec<String>,
    /// Devices it found described by CDI.
    pub devices: Vec<String>,
    /// Whether its containers have a kernel of their own.
    pub in_a_vm: bool,
}

/// Whether root in a container is root outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Users {
    /// It is.
    #[default]
    Shared,
    /// It is another user outside.
    Remapped,
    /// The engine itself is not root.
    Rootless,
}

/// Looks where an engine would be looked for, up to the first that is taken. `trial` is a folder on the disk jobs work on, in which
/// is tried how their disk use can be limited.
pub async fn examine(given: Option<&str>, trial: Option<&Path>) -> Vec<Examined> {
    let mut examined = Vec::new();
    for place in places::to_look_at(given) {
        let (name, address) = (place.name.to_owned(), place.address.clone());
        let met = match meet(&place).await {
            Ok(met) => met,
            Err(why) => {
                examined.push(Examined { name, address, verdict: Err(why), testimony: None, disk_limit: None });
                continue;
            }
        };
        let testimony = Some(Testimony::of(&met));
        match met.judged(&place) {
            Err(why) => examined.push(Examined { name, address, verdict: Err(why), testimony, disk_limit: None }),
            Ok(engine) => {
                let disk_limit = match trial {
                    Some(folder) => Some(work::best_limit(folder, &engine).await),
                    None => None,
                };
                let (name, verdict) = (engine.name, Ok(engine.notes));
                examined.push(Examined { name, address, verdict, testimony, disk_limit });
                break;
            }
        }
    }
    examined
}

impl Testimony {
    fn of(met: &Met) -> Self {
        let Met { docker: _, version, info, shares_mounts: _ } = met;
        let options = info.security_options.as_deref().unwrap_or_default();
        let option = |name: &str| options.iter().find(|option| option.starts_with(name));
        let users = match (option("name=rootless"), option("name=userns")) {
            (Some(_), _) => Users::Rootless,
            (None, Some(_)) => Users::Remapped,
            (None, None) => Users::Shared,
        };
        let plugins = info.plugins.as_ref().and_then(|plugins| plugins.authorization.as_ref());
        let runtimes = info.runtimes.iter().flat_map(|runtimes| runtimes.keys().cloned());
        let devices = info.discovered_devices.iter().flatten().filter_map(|device| device.id.clone());
        Self {
            parts: parts(version),
            cgroup_version: match info.cgroup_version {
                Some(SystemInfoCgroupVersionEnum::_1) => Some(1),
                Some(SystemInfoCgroupVersionEnum::_2) => Some(2),
                Some(SystemInfoCgroupVersionEnum::EMPTY) | None => None,
            },
            limits_missing: fitness::limits_missing(info),
            seccomp: option("name=seccomp").filter(|option| !option.contains("unconfined")).map(|option| profile(option)),
            users,
            has_authorization_plugins: plugins.is_some_and(|plugins| !plugins.is_empty()),
            runtimes: sorted(runtimes),
            devices: sorted(devices),
            in_a_vm: cfg!(not(target_os = "linux")) || !on_this_kernel(info),
        }
    }
}

/// Most names that are kept of a list; an engine may say anything.
const NAMES_MAX: usize = 64;

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.map(|name| short(&name)).take(NAMES_MAX).collect();
    names.sort();
    names
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

fn profile(option: &str) -> String {
    short(option.split(',').find_map(|part| part.strip_prefix("profile=")).unwrap_or("default"))
}

/// The parts it names, and Docker Desktop, which names itself as the platform: `Docker Desktop 4.44.3 (202357)`.
fn parts(version: &SystemVersion) -> Vec<(String, String)> {
    let named = version.components.iter().flatten().take(NAMES_MAX).map(|part| (short(&part.name), short(&part.version)));
    let desktop = version.platform.as_ref().and_then(|platform| platform.name.strip_prefix("Docker Desktop ")).map(|text| {
        let number = text.split_whitespace().next().unwrap_or_default();
        ("Docker Desktop".to_owned(), short(number))
    });
    named.chain(desktop).collect()
}

#[cfg(test)]
mod tests {
    use bollard::models::{SystemInfo, SystemVersionComponents, SystemVersionPlatform};

    use super::*;

    #[test]
    fn parts_are_named_with_their_versions_and_cannot_fill_a_terminal() {
        let part = |name: &str, version: &str| SystemVersionComponents {
            name: name.to_owned(),
            version: version.to_owned(),
            ..SystemVersionComponents::default()
        };
        let version = SystemVersion {
            platform: Some(SystemVersionPlatform { name: "Docker Desktop 4.43.1 (198352)".to_owned() }),
            components: Some(vec![part("runc", "1.2.5"), part("odd\u{1b}[31m", &"9".repeat(1_000))]),
            ..SystemVersion::default()
        };
        let parts = parts(&version);
        assert_eq!(parts[0], ("runc".to_owned(), "1.2.5".to_owned()));
        assert_eq!((parts[1].0.as_str(), parts[1].1.len()), ("odd[31m", 80));
        assert_eq!(parts[2], ("Docker Desktop".to_owned(), "4.43.1".to_owned()));
    }

    #[test]
    fn what_a_container_is_kept_apart_by_is_read_from_the_options() {
        let of = |options: &[&str]| {
            let info = SystemInfo {
                security_options: Some(options.iter().map(|option| (*option).to_owned()).collect()),
                ..SystemInfo::default()
            };
            let docker =
                bollard::Docker::connect_with_http("tcp://127.0.0.1:1", 1, bollard::API_DEFAULT_VERSION).expect("an address");
            let testimony = Testimony::of(&Met { docker, version: SystemVersion::default(), info, shares_mounts: false });
            (testimony.users, testimony.seccomp)
        };
        assert_eq!(of(&["name=seccomp,profile=builtin"]), (Users::Shared, Some("builtin".to_owned())));
        assert_eq!(of(&["name=seccomp,profile=unconfined", "name=userns"]), (Users::Remapped, None));
        assert_eq!(of(&["name=rootless", "name=seccomp"]), (Users::Rootless, Some("default".to_owned())));
    }

    /// An engine that says `version` and `info`, on a port of this PC.
    async fn engine(info: serde_json::Value, tasks: &crate::tasks::Tasks) -> String {
        use axum::{Json, Router, routing::get};
        let version = serde_json::json!({
            "Version": "28.5.2",
            "ApiVersion": "1.51",
            "MinAPIVersion": "1.24",
            "Components": [{ "Name": "runc", "Version": "1.1.11" }],
        });
        let say = |words: serde_json::Value| get(async move || Json(words));
        let paths =
            ["/version", "/{api}/version"].iter().fold(Router::new(), |router, path| router.route(path, say(version.clone())));
        let router = paths.route("/info", say(info.clone())).route("/{api}/info", say(info));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        tasks.spawn("engine", async move { axum::serve(listener, router).await.expect("served") });
        address
    }

    #[tokio::test]
    async fn an_engine_that_is_not_taken_has_been_heard_all_the_same() {
        let tasks = crate::tasks::Tasks::new();
        let good = serde_json::json!({
            "OSType": "linux", "MemoryLimit": true, "SwapLimit": true, "PidsLimit": true, "CpuCfsQuota": true, "LiveRestoreEnabled": true,
            "CgroupVersion": "2", "SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"],
            "Runtimes": { "runc": {}, "runsc": {} },
        });
        let mut open = good.clone();
        open["SecurityOptions"] = serde_json::json!(["name=seccomp,profile=unconfined"]);
        let taken = examine(Some(&engine(good, &tasks).await), None).await;
        let [Examined { verdict: Ok(_), testimony: Some(said), disk_limit: None, .. }] = taken.as_slice() else {
            panic!("{taken:?}")
        };
        assert_eq!(said.parts, [("runc".to_owned(), "1.1.11".to_owned())]);
        assert_eq!((said.cgroup_version, said.users, said.runtimes.len()), (Some(2), Users::Remapped, 2));
        let refused = examine(Some(&engine(open, &tasks).await), None).await;
        let [Examined { verdict: Err(WhyNot::Unfit(_)), testimony: Some(said), .. }] = refused.as_slice() else {
            panic!("{refused:?}")
        };
        assert_eq!(said.seccomp, None);
        let dead = examine(Some("http://127.0.0.1:1"), None).await;
        assert!(matches!(dead.as_slice(), [Examined { verdict: Err(WhyNot::Mute { .. }), testimony: None, .. }]), "{dead:?}");
    }
}
