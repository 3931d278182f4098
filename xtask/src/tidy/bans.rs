//! Crates that must not be in any binary. The list is `deny.toml`'s; this rule reads it without the tool, which takes minutes
//! to build, and asks cargo what is really compiled: the lock file also lists what nobody turned on.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::{Finding, tree::Tree};
use crate::process::{capture, cargo};

/// Banned crates and crates from outside the registry.
pub(super) fn crates(tree: &Tree) -> Result<Vec<Finding>> {
    let banned = banned(tree.text("deny.toml").context("deny.toml is missing")?)?;
    let mut list = cargo();
    list.args(["tree", "--workspace", "--all-features", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    Ok(judge(&capture(&mut list)?, &banned))
}

fn banned(deny: &str) -> Result<BTreeMap<String, String>> {
    let deny: toml::Table = toml::from_str(deny).context("deny.toml is not TOML")?;
    let entries =
        deny.get("bans").and_then(|bans| bans.get("deny")).and_then(toml::Value::as_array).context("deny.toml bans nothing")?;
    let text = |entry: &toml::Value, key| entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    Ok(entries.iter().filter_map(|entry| Some((text(entry, "crate")?, text(entry, "reason").unwrap_or_default()))).collect())
}

fn judge(tree: &str, banned: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lines: Vec<&str> = tree.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    for line in lines {
        let name = line.split(' ').next().unwrap_or_default();
        if let Some(reason) = banned.get(name) {
            findings.push(Finding::new("banned-crate", "Cargo.lock", name, format!("{name} is compiled in: {reason}")));
        }
        // A path in brackets is one of ours; an address is somebody's repository, which may change under us.
        if line.contains("(http") || line.contains("(git") || line.contains("(ssh") {
            findings.push(Finding::new("banned-crate", "Cargo.lock", name, format!("{name} does not come from the registry")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_crate_and_a_git_crate_are_found() {
        let banned = banned("[bans]\ndeny = [{ crate = \"ring\", reason = \"one crypto library\" }]").expect("it is well formed");
        let tree = "ours v0.1.0 (/home/a/ours)\nring v0.17.1\nodd v1.0.0 (https://example.org/odd?rev=1#abc)\nserde v1.0.0\nring v0.17.1";
        let found: Vec<_> = judge(tree, &banned).into_iter().map(|finding| finding.item).collect();
        assert_eq!(found, ["odd", "ring"]);
    }
}
