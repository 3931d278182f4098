//! Who may know whom: between crates by their manifests, inside the agent by its modules' order.

use super::{Finding, paths::mentioned, tree::Tree};

/// What one crate may import of ours, and which crates of others it must never see.
struct Crate {
    folder: &'static str,
    ours: &'static [&'static str],
    never: &'static [&'static str],
    why: &'static str,
}

const CRATES: &[Crate] = &[
    Crate {
        folder: "protocol",
        ours: &[],
        never: &["alloy", "axum", "reqwest", "sqlx", "tauri", "tokio"],
        why: "a vocabulary has no opinions about transport",
    },
    Crate {
        folder: "control",
        ours: &["headframe-protocol"],
        never: &["alloy", "axum", "bollard", "reqwest", "sqlx", "tauri"],
        why: "a local socket carries words and nothing else",
    },
    Crate {
        folder: "proof",
        ours: &["headframe-protocol"],
        never: &["alloy", "axum", "getrandom", "rand", "reqwest", "sqlx", "tauri", "tokio"],
        why: "whoever checks a proof brings the bytes, the time and the randomness",
    },
    Crate {
        folder: "accounts",
        ours: &["headframe-protocol"],
        never: &["alloy", "axum", "reqwest", "sqlx", "tauri", "tokio"],
        why: "what is owed is computed, never asked for",
    },
    Crate {
        folder: "contracts/bindings",
        ours: &[],
        never: &["axum", "reqwest", "sqlx", "tauri", "tokio"],
        why: "the contracts' words stand alone",
    },
    Crate {
        folder: "relay",
        ours: &[],
        never: &["alloy", "axum", "bollard", "reqwest", "serde", "sqlx", "tauri", "tokio"],
        why: "it is compiled for containers by itself, and runs in a stranger's",
    },
    Crate {
        folder: "agent-core",
        ours: &[
            "headframe-protocol",
            "headframe-control",
            "headframe-proof",
            "headframe-accounts",
            "headframe-contracts",
            "headframe-relay",
        ],
        never: &["axum", "tauri"],
        why: "the agent runs without a window and serves nobody but its owner",
    },
    Crate {
        folder: "coordinator",
        ours: &["headframe-protocol", "headframe-proof", "headframe-accounts", "headframe-contracts"],
        never: &["bollard", "tauri"],
        why: "the control plane meets the agent only in the protocol",
    },
    Crate {
        folder: "src-tauri",
        ours: &["headframe-protocol", "headframe-control"],
        never: &["alloy", "bollard", "nvml-wrapper", "reqwest", "sqlx"],
        why: "the window asks the agent; it does not do the agent's work",
    },
    Crate {
        folder: "cli",
        ours: &["headframe-protocol", "headframe-accounts", "headframe-contracts"],
        never: &["bollard", "sqlx", "tauri"],
        why: "a customer's tool talks to the public API",
    },
    Crate {
        folder: "testbed",
        // `control` presses the owner's buttons, over the same socket as the window; `protocol` has the words for all of it.
        // It is customer, owner and operator in one: whatever they may know, it may.
        ours: &[
            "headframe-protocol",
            "headframe-control",
            "headframe-contracts",
            "headframe-proof",
            "headframe-accounts",
            "headframe-agent",
            "headframe-coordinator",
            "headframe-cli",
        ],
        never: &["tauri"],
        why: "the testbed starts the window's binary; it is not linked to it",
    },
    Crate { folder: "xtask", ours: &[], never: &["tokio"], why: "xtask is compiled before everything else" },
];

/// Modules of the agent from upstream to downstream. A module may use what stands before it or beside it. A module that is not
/// listed (a clock, the tasks) may be used by all.
const AGENT_ORDER: &[&[&str]] = &[
    &["settings", "store"],
    &["idle", "telemetry", "benchmark"],
    &["wallet"],
    &["coordinator"],
    // Pure, and folded by the runner while a container runs.
    &["meter"],
    &["runner", "challenge"],
    &["ledger"],
    &["duty"],
    &["view"],
    &["doctor", "earnings", "simulate"],
    &["agent"],
];

const AGENT: &str = "agent-core";

/// Imports between crates. Of ours in tests too: such a test sits in the wrong crate. Of others only in what is shipped.
pub(super) fn crates(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, manifest) in tree.packages() {
        let Some(rule) = CRATES.iter().find(|rule| rule.folder == folder) else { continue };
        let path = format!("{folder}/Cargo.toml");
        let shipped = dependencies_in(&manifest, |section| section != "dev-dependencies");
        let own = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
        for name in dependencies(&manifest) {
            // A crate's tests may ask for itself with its test features on.
            let stranger = name.starts_with("headframe-") && !rule.ours.contains(&name.as_str()) && own != Some(&name);
            let unwanted = shipped.contains(&name) && rule.never.contains(&name.as_str());
            if stranger || unwanted {
                findings.push(Finding::new("direction", &path, &name, format!("must not import {name}: {}", rule.why)));
            }
        }
    }
    findings
}

/// Every dependency a manifest names, in whatever section.
pub(super) fn dependencies(manifest: &toml::Table) -> Vec<String> {
    dependencies_in(manifest, |_| true)
}

fn dependencies_in(manifest: &toml::Table, wanted: fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else { continue };
        if key.ends_with("dependencies") && wanted(key) {
            names.extend(table.keys().cloned());
        } else if key == "target" {
            names.extend(table.values().filter_map(toml::Value::as_table).flat_map(|table| dependencies_in(table, wanted)));
        }
    }
    names.sort();
    names.dedup();
    names
}

/// Imports between the agent's modules.
pub(super) fn modules(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().iter().filter(|file| !file.is_test()) {
        let Some((AGENT, module)) = file.module() else { continue };
        let Some(own) = module.first().and_then(|name| rank(name)) else { continue };
        for mention in mentioned(&file.syntax) {
            let Some(target) = top_module(&module, &mention.segments) else { continue };
            if rank(&target).is_some_and(|used| used > own) {
                let text = format!("`{}` must not use `{target}`, which lies downstream of it", module[0]);
                findings.push(Finding::new("module-order", &file.path, target, text).at(mention.line));
            }
        }
    }
    findings
}

fn rank(module: &str) -> Option<usize> {
    AGENT_ORDER.iter().position(|stage| stage.contains(&module))
}

/// The top module that a path written in `module` leads to, if it leads into this crate.
fn top_module(module: &[&str], path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    if first == "crate" {
        return rest.first().cloned();
    }
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    // Only as many steps up as lead out of our own top module bring us to another one.
    (ups > 0 && ups == module.len()).then(|| path.get(ups).cloned()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(dependency: &str) -> String {
        format!("[package]\nname = \"x\"\n[dependencies]\n{dependency}.workspace = true\n")
    }

    #[test]
    fn an_agent_that_imports_the_coordinator_is_found() {
        let tree = Tree::of(&[("agent-core/Cargo.toml", &manifest("headframe-coordinator"))]);
        assert_eq!(crates(&tree)[0].item, "headframe-coordinator");
    }

    #[test]
    fn a_vocabulary_with_a_runtime_is_found_even_behind_a_target() {
        let text = "[package]\nname = \"x\"\n[target.'cfg(unix)'.dependencies]\ntokio = \"1\"\n";
        assert_eq!(crates(&Tree::of(&[("protocol/Cargo.toml", text)])).len(), 1);
    }

    #[test]
    fn a_test_may_use_what_is_not_shipped_but_never_a_forbidden_part_of_ours() {
        let text = "[package]\nname = \"x\"\n[dev-dependencies]\nreqwest = \"1\"\nheadframe-agent = \"1\"\n";
        let found: Vec<_> =
            crates(&Tree::of(&[("src-tauri/Cargo.toml", text)])).into_iter().map(|finding| finding.item).collect();
        assert_eq!(found, ["headframe-agent"]);
    }

    #[test]
    fn what_the_design_allows_passes() {
        let tree = Tree::of(&[
            ("testbed/Cargo.toml", &manifest("headframe-agent")),
            ("protocol/Cargo.toml", &manifest("alloy-primitives")),
        ]);
        assert_eq!(crates(&tree), []);
    }

    #[test]
    fn a_module_that_looks_downstream_is_found() {
        let tree = Tree::of(&[
            ("agent-core/src/runner.rs", "use crate::{agent::Agent, settings::Settings};"),
            ("agent-core/src/idle.rs", "use super::duty::Phase;"),
            ("agent-core/src/idle/policy.rs", "use super::probe::Probe;"),
        ]);
        let found: Vec<_> = modules(&tree).into_iter().map(|finding| (finding.path, finding.item)).collect();
        let expected = [("agent-core/src/idle.rs", "duty"), ("agent-core/src/runner.rs", "agent")];
        assert_eq!(found, expected.map(|(path, item)| (path.to_owned(), item.to_owned())));
    }

    #[test]
    fn nobody_looks_into_the_agent_from_tests_only() {
        let tree = Tree::of(&[("agent-core/src/runner.rs", "#[cfg(test)] mod tests { use crate::agent::Agent; }")]);
        assert_eq!(modules(&tree), []);
    }

    #[test]
    fn what_the_architecture_page_says_is_what_is_checked() {
        let page = include_str!("../../../ARCHITECTURE.md");
        let table = page.split_once("| crate | imports of ours | never |").expect("the table of imports").1;
        let rows: Vec<Vec<&str>> =
            table.lines().skip(2).map_while(|row| row.strip_prefix("| ")).map(|row| row.split('|').collect()).collect();
        assert!(rows.len() > 5, "{rows:?}");
        for row in rows {
            let [folder, ours, never] = [0, 1, 2].map(|column| row[column].trim());
            let rule = CRATES.iter().find(|rule| rule.folder == folder).unwrap_or_else(|| panic!("nobody checks {folder}"));
            for name in imported(ours) {
                assert!(rule.ours.contains(&package(name).as_str()), "{folder} may import {name}");
            }
            for name in never.split(", ").map(|name| name.trim_end_matches(" (the whole)")) {
                let is_ours = CRATES.iter().any(|rule| rule.folder == name);
                let checked = if is_ours { !rule.ours.contains(&package(name).as_str()) } else { rule.never.contains(&name) };
                assert!(checked, "{folder} must not import {name}");
            }
        }
    }

    /// The folders that a row of the page names.
    fn imported(ours: &str) -> Vec<&str> {
        match ours {
            "none" => Vec::new(),
            "all of them but the window and the relay" => CRATES
                .iter()
                .map(|rule| rule.folder)
                .filter(|folder| !["relay", "src-tauri", "testbed", "xtask"].contains(folder))
                .collect(),
            _ => ours.split(", ").collect(),
        }
    }

    /// The name of the package in a folder of ours.
    fn package(folder: &str) -> String {
        format!("headframe-{}", folder.trim_end_matches("-core").trim_end_matches("/bindings"))
    }
}
