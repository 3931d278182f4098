//! Faults of container engines that matter to whoever runs strangers' programs, and the versions that are rid of them.
//!
//! Kept by hand. In it is what lets a program out of its container or makes its cage weaker; what needs a hostile client of the engine, a
//! cluster or a build is left out, as nobody but the agent speaks to the engine on a rig. A version that is in no row is not proven
//! good: it only has none of these faults.

/// How much a fault matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It needs something that a rig does not do by itself.
    Remote,
    /// A program may leave its container.
    Escape,
}

/// A fault of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advisory {
    /// Its names.
    pub ids: &'static str,
    /// The part, as the engine calls it.
    pub part: &'static str,
    /// The first version that has it.
    pub since: Version,
    /// The first versions without it, one for each line of releases, oldest first. Lines older than the first are never mended;
    /// those after the last never had it.
    pub mended: &'static [Version],
    /// How much it matters.
    pub weight: Weight,
    /// What it lets a program do.
    pub harm: Harm,
}

/// What a fault lets a program do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// An image begins in a folder of the host.
    BeginsOnHost,
    /// A program gets at kernel files that are masked.
    ReachesMaskedFiles,
    /// An image changes files of the host while it is unpacked.
    ChangesHostFiles,
    /// An image's own user number comes out as root.
    BecomesRoot,
    /// Plugins that restrict the engine's clients are passed by.
    PassesPlugins,
    /// A program gives orders to the engine.
    OrdersEngine,
    /// An image mounts the host's files.
    MountsHostFiles,
    /// An image has its own code run outside.
    RunsOutside,
}

/// Three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// All of them.
pub const ADVISORIES: &[Advisory] = &[
    Advisory {
        ids: "CVE-2024-21626",
        part: "runc",
        since: Version(1, 0, 0),
        mended: &[Version(1, 1, 12)],
        weight: Weight::Escape,
        harm: Harm::BeginsOnHost,
    },
    Advisory {
        ids: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
        part: "runc",
        since: Version(1, 0, 0),
        mended: &[Version(1, 2, 8), Version(1, 3, 3)],
        weight: Weight::Escape,
        harm: Harm::ReachesMaskedFiles,
    },
    Advisory {
        ids: "CVE-2025-47290",
        part: "containerd",
        since: Version(2, 1, 0),
        mended: &[Version(2, 1, 1)],
        weight: Weight::Escape,
        harm: Harm::ChangesHostFiles,
    },
    Advisory {
        ids: "CVE-2024-40635",
        part: "containerd",
        since: Version(1, 0, 0),
        mended: &[Version(1, 6, 38), Version(1, 7, 27), Version(2, 0, 4)],
        weight: Weight::Remote,
        harm: Harm::BecomesRoot,
    },
    Advisory {
        ids: "CVE-2024-41110",
        part: "Engine",
        since: Version(19, 3, 0),
        mended: &[Version(23, 0, 15), Version(25, 0, 6), Version(26, 1, 5), Version(27, 1, 1)],
        weight: Weight::Remote,
        harm: Harm::PassesPlugins,
    },
    Advisory {
        ids: "CVE-2025-9074",
        part: "Docker Desktop",
        since: Version(4, 25, 0),
        mended: &[Version(4, 44, 3)],
        weight: Weight::Escape,
        harm: Harm::OrdersEngine,
    },
    Advisory {
        ids: "CVE-2024-0132",
        part: TOOLKIT,
        since: Version(0, 0, 0),
        mended: &[Version(1, 16, 2)],
        weight: Weight::Escape,
        harm: Harm::MountsHostFiles,
    },
    Advisory {
        ids: "CVE-2025-23359",
        part: TOOLKIT,
        since: Version(0, 0, 0),
        mended: &[Version(1, 17, 4)],
        weight: Weight::Escape,
        harm: Harm::MountsHostFiles,
    },
    Advisory {
        ids: "CVE-2025-23266",
        part: TOOLKIT,
        since: Version(0, 0, 0),
        mended: &[Version(1, 17, 8)],
        weight: Weight::Escape,
        harm: Harm::RunsOutside,
    },
];

/// NVIDIA's part, which no engine lists.
pub const TOOLKIT: &str = "NVIDIA Container Toolkit";

/// A fault that a version has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Which.
    pub advisory: &'static Advisory,
    /// Whether a distribution built it, which may have mended the fault without a new number.
    pub may_be_patched: bool,
}

/// The faults of `part` in `version`, or nothing if that is no version.
#[must_use]
pub fn of(part: &str, version: &str) -> Option<Vec<Hit>> {
    let (number, may_be_patched) = parse(version)?;
    let hits = ADVISORIES.iter().filter(|advisory| advisory.part == part && has(advisory, number));
    Some(hits.map(|advisory| Hit { advisory, may_be_patched }).collect())
}

/// Mended within its own line, or newer than the last line that was mended.
fn has(advisory: &Advisory, version: Version) -> bool {
    if version < advisory.since {
        return false;
    }
    let same_line = advisory.mended.iter().find(|mended| (mended.0, mended.1) == (version.0, version.1));
    match (same_line, advisory.mended.last()) {
        (Some(mended), _) => version < *mended,
        (None, Some(newest)) => version < *newest,
        (None, None) => true,
    }
}

/// The numbers, and whether more is said than a release of the project itself says: `1.7.24-0ubuntu1` and `20.10.24+dfsg1` are
/// distributions' builds, `28.0.0-rc.1`, `19.03.1-ce` and `v2.0.4` are not.
fn parse(text: &str) -> Option<(Version, bool)> {
    let text = text.trim().trim_start_matches('v');
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut numbers = numbers.split('.').map(str::parse::<u32>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let patch = numbers.next().map_or(Some(0), Result::ok)?;
    let own = ["-rc", "-beta", "-ce", "-ee", "-desktop"].iter().any(|ending| rest.starts_with(ending));
    Some((Version(major, minor, patch), !rest.is_empty() && !own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(part: &str, version: &str) -> Vec<&'static str> {
        of(part, version).expect("a version").into_iter().map(|hit| hit.advisory.ids).collect()
    }

    const MASKED: &str = "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";

    #[test]
    fn a_version_has_the_faults_its_line_was_not_mended_of() {
        for (part, version, faults) in [
            ("runc", "1.1.11", vec!["CVE-2024-21626", MASKED]),
            ("runc", "1.1.12", vec![MASKED]),
            ("runc", "1.2.7", vec![MASKED]),
            ("runc", "1.2.8", vec![]),
            ("runc", "1.3.2", vec![MASKED]),
            ("runc", "1.3.3", vec![]),
            ("runc", "1.4.0", vec![]),
            ("containerd", "1.6.37", vec!["CVE-2024-40635"]),
            ("containerd", "1.6.38", vec![]),
            ("containerd", "v1.7.27", vec![]),
            ("containerd", "2.0.3", vec!["CVE-2024-40635"]),
            ("containerd", "2.1.0", vec!["CVE-2025-47290"]),
            ("containerd", "v2.2.0", vec![]),
            ("Engine", "20.10.24", vec!["CVE-2024-41110"]),
            ("Engine", "23.0.15", vec![]),
            ("Engine", "24.0.9", vec!["CVE-2024-41110"]),
            ("Engine", "26.1.5", vec![]),
            ("Engine", "27.1.0", vec!["CVE-2024-41110"]),
            ("Engine", "28.2.2", vec![]),
            ("Docker Desktop", "4.44.2", vec!["CVE-2025-9074"]),
            ("Docker Desktop", "4.44.3", vec![]),
            (TOOLKIT, "1.16.1", vec!["CVE-2024-0132", "CVE-2025-23359", "CVE-2025-23266"]),
            (TOOLKIT, "1.17.7", vec!["CVE-2025-23266"]),
            (TOOLKIT, "1.17.8", vec![]),
            ("docker-init", "0.19.0", vec![]),
        ] {
            assert_eq!(ids(part, version), faults, "{part} {version}");
        }
    }

    #[test]
    fn a_distributions_build_may_be_mended_under_an_old_number() {
        for (version, patched) in
            [("1.1.5+ds1", true), ("1.1.5-0ubuntu1~22.04.1", true), ("1.1.5", false), ("v1.1.5", false), ("1.1.5-rc.1", false)]
        {
            let hits = of("runc", version).expect("a version");
            assert!(!hits.is_empty() && hits.iter().all(|hit| hit.may_be_patched == patched), "{version}");
        }
    }

    #[test]
    fn what_is_no_version_says_nothing() {
        for text in ["", "unknown", "1", "v", "1.x", "99999999999.1.1", "dev-build"] {
            assert_eq!(of("runc", text), None, "{text}");
        }
    }

    #[test]
    fn each_row_is_mended_after_it_began() {
        for advisory in ADVISORIES {
            assert!(advisory.mended.iter().all(|mended| *mended > advisory.since), "{advisory:?}");
            assert!(advisory.mended.is_sorted(), "{advisory:?}");
        }
    }
}
