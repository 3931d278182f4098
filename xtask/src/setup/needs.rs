//! The table of everything we need from the system, with the reason beside it.

use crate::process::{capture, command, find, says_yes};

/// A part of the work that has needs of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// Compiling the headless crates.
    Build,
    /// Compiling and emulating the kernels for NVIDIA cards.
    Kernels,
    /// Compiling the window.
    WindowBuild,
    /// Building and testing the UI.
    Ui,
    /// Compiling and testing the contracts.
    Contracts,
    /// Running containers.
    Engine,
    /// Making job images.
    JobImage,
    /// Running a whole small network: registry and job images for tests.
    Testbed,
    /// PostgreSQL beside SQLite.
    Postgres,
    /// A display for the window where there is none.
    Display,
    /// Driving the real window.
    WindowTest,
    /// Driving the UI in a browser.
    Browser,
    /// Computing on a graphics card that is a program.
    Graphics,
    /// Measuring what the agent needs, beside what others need.
    Guest,
    /// Throwing random bytes at the protocol.
    Fuzz,
}

/// One thing that must be on the machine.
#[derive(Debug)]
pub(super) struct Need {
    /// Who needs it.
    pub(super) area: Area,
    /// What it is, for the reader.
    pub(super) what: &'static str,
    /// What it is for.
    pub(super) why: &'static str,
    /// How to see whether it is there.
    pub(super) probe: Probe,
    /// The Debian packages that bring it, separated by spaces.
    pub(super) packages: &'static str,
}

/// How to see whether something is installed. By what it does, not by package name: a machine may have it from elsewhere.
#[derive(Debug)]
pub(super) enum Probe {
    /// Any of these programs on the search path.
    Program(&'static [&'static str]),
    /// This very file, and it needs no library: it must run where there is nothing else.
    StaticProgram(&'static str),
    /// A library with its headers.
    PkgConfig(&'static str),
    /// A container engine that answers, or one that we can start.
    Engine,
    /// A Vulkan driver that computes on the processor, and the library that finds it.
    SoftwareVulkan,
    /// PostgreSQL's server programs, which Debian keeps off the search path.
    PostgresServer,
    /// A family of letters, by the name that style sheets call it.
    Font(&'static str),
}

impl Probe {
    pub(super) fn finds(&self) -> bool {
        match self {
            Self::Program(names) => names.iter().any(|name| find(name).is_some()),
            Self::StaticProgram(path) => super::elf::is_static(std::path::Path::new(path)),
            Self::PkgConfig(name) => says_yes(command("pkg-config").args(["--exists", name])),
            Self::Engine => crate::engine::answers() || (find("dockerd").is_some() && find("iptables").is_some()),
            Self::SoftwareVulkan => has_software_vulkan(),
            Self::PostgresServer => crate::postgres::programs().is_some(),
            Self::Font(family) => capture(command("fc-list").arg(family)).is_ok_and(|files| !files.is_empty()),
        }
    }
}

fn has_software_vulkan() -> bool {
    let folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let mut drivers = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let has_driver = drivers.any(|driver| driver.file_name().to_string_lossy().starts_with("lvp_icd"));
    has_driver && capture(command("ldconfig").arg("-p")).is_ok_and(|libraries| libraries.contains("libvulkan.so.1"))
}

const fn need(area: Area, what: &'static str, why: &'static str, probe: Probe, packages: &'static str) -> Need {
    Need { area, what, why, probe, packages }
}

/// In the order in which a reader would ask.
pub(super) const NEEDS: &[Need] = &[
    need(Area::Build, "a C compiler", "SQLite and the TLS library contain C", Probe::Program(&["cc", "gcc"]), "gcc libc6-dev"),
    need(
        Area::Kernels,
        "pip",
        "fetches the compilers of the kernels for NVIDIA cards, and the judge of those for others",
        Probe::Program(&["pip3", "pip"]),
        "python3-pip",
    ),
    need(
        Area::Kernels,
        "a C++ compiler",
        "the kernels for NVIDIA cards are tested on an emulated one",
        Probe::Program(&["c++", "g++"]),
        "g++",
    ),
    need(Area::WindowBuild, "pkg-config", "finds the web engine's headers", Probe::Program(&["pkg-config"]), "pkg-config"),
    need(
        Area::WindowBuild,
        "WebKitGTK with headers",
        "the window is drawn by the system's web engine",
        Probe::PkgConfig("webkit2gtk-4.1"),
        "libwebkit2gtk-4.1-dev",
    ),
    need(Area::Engine, "a container engine", "jobs run in containers", Probe::Engine, "docker.io iptables"),
    need(Area::Engine, "docker", "imports job images into the engine", Probe::Program(&["docker"]), "docker.io iptables"),
    need(Area::JobImage, "mmdebstrap", "makes the job image from Debian packages", Probe::Program(&["mmdebstrap"]), "mmdebstrap"),
    need(Area::JobImage, "ldconfig", "writes the library index of the job image", Probe::Program(&["ldconfig"]), "libc-bin"),
    need(Area::JobImage, "ffprobe", "the demo verifies the video it fetched", Probe::Program(&["ffprobe"]), "ffmpeg"),
    need(
        Area::Testbed,
        "docker-registry",
        "a registry on loopback: pulling by digest is the real path",
        Probe::Program(&["docker-registry"]),
        "docker-registry",
    ),
    need(
        Area::Testbed,
        "a static busybox",
        "the tests' job image is this one program and nothing else",
        Probe::StaticProgram("/bin/busybox"),
        "busybox-static",
    ),
    need(Area::Testbed, "ip", "an engine that a test crashes gets a bridge of its own", Probe::Program(&["ip"]), "iproute2"),
    need(
        Area::Testbed,
        "setpriv",
        "what a test starts ends with it, however that ends",
        Probe::Program(&["setpriv"]),
        "util-linux",
    ),
    need(Area::Testbed, "mkfs.ext4", "a full disk is tested on a small real one", Probe::Program(&["mkfs.ext4"]), "e2fsprogs"),
    need(Area::Postgres, "PostgreSQL", "the coordinator's tests run on both databases", Probe::PostgresServer, "postgresql"),
    need(Area::Display, "Xvfb", "a display where there is none", Probe::Program(&["Xvfb"]), "xvfb"),
    need(
        Area::Display,
        "dbus-daemon",
        "a private session bus: one window per session, not per machine",
        Probe::Program(&["dbus-daemon"]),
        "dbus",
    ),
    need(
        Area::Display,
        "gnome-keyring-daemon",
        "a real keyring: the wallet's password is kept in one",
        Probe::Program(&["gnome-keyring-daemon"]),
        "gnome-keyring",
    ),
    need(
        Area::WindowTest,
        "WebKitWebDriver",
        "drives the real window",
        Probe::Program(&["WebKitWebDriver"]),
        "webkit2gtk-driver",
    ),
    need(Area::WindowTest, "xdotool", "presses keys as an owner would", Probe::Program(&["xdotool"]), "xdotool"),
    need(Area::Browser, "Chromium", "drives the UI in a browser", Probe::Program(&["chromium", "chromium-browser"]), "chromium"),
    need(
        Area::Browser,
        "Noto Sans Arabic",
        "the UI is looked at in Arabic; an owner's PC has letters of its own",
        Probe::Font("Noto Sans Arabic"),
        "fontconfig fonts-noto-core",
    ),
    need(
        Area::Browser,
        "Noto Sans CJK",
        "the UI is looked at in Chinese; an owner's PC has letters of its own",
        Probe::Font("Noto Sans CJK SC"),
        "fontconfig fonts-noto-cjk",
    ),
    need(
        Area::Graphics,
        "a Vulkan driver in software",
        "the benchmark's kernels are checked where there is no card",
        Probe::SoftwareVulkan,
        "mesa-vulkan-drivers libvulkan1",
    ),
    need(
        Area::Guest,
        "boinc",
        "what it needs while it waits is measured beside ours",
        Probe::Program(&["boinc"]),
        "boinc-client",
    ),
    need(Area::Fuzz, "a C++ compiler", "the fuzzer's engine is written in C++", Probe::Program(&["c++", "g++"]), "g++"),
];
