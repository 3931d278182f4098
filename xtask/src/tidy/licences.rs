//! Licences of what is compiled in. The list is `deny.toml`'s; this rule reads it without the tool, from what every crate says of
//! itself. Texts are not compared with that: for this and for published holes there is `cargo xtask check --deny`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{Finding, tree::Tree};
use crate::process::{capture, cargo};

/// What cargo says of the workspace, as far as we need it.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Graph,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Graph {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `dev`, `build`, or nothing for an ordinary one.
    kind: Option<String>,
}

/// Crates whose licence is not on the list. For every system: a crate for Windows is shipped too.
pub(super) fn crates(tree: &Tree) -> Result<Vec<Finding>> {
    let allowed = allowed(tree.text("deny.toml").context("deny.toml is missing")?)?;
    let mut metadata = cargo();
    metadata.args(["metadata", "--all-features", "--format-version", "1"]);
    let metadata = serde_json::from_str(&capture(&mut metadata)?).context("cargo describes the workspace in a new way")?;
    Ok(judge(&metadata, &allowed))
}

fn allowed(deny: &str) -> Result<BTreeSet<String>> {
    let deny: toml::Table = toml::from_str(deny).context("deny.toml is not TOML")?;
    let list = deny.get("licenses").and_then(|licences| licences.get("allow")).and_then(toml::Value::as_array);
    let list = list.context("deny.toml allows no licence")?;
    Ok(list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

fn judge(metadata: &Metadata, allowed: &BTreeSet<String>) -> Vec<Finding> {
    let shipped = shipped(metadata);
    let packages = metadata.packages.iter().filter(|package| shipped.contains(package.id.as_str()));
    packages
        .filter_map(|Package { name, license, .. }| {
            let text = match license {
                None => format!("{name} names no licence"),
                Some(terms) if !permits(terms, allowed) => format!("{name} is under {terms}, which deny.toml does not allow"),
                Some(_) => return None,
            };
            Some(Finding::new("licence", "Cargo.lock", name, text))
        })
        .collect()
}

/// Everything that ours leads to, by dependencies that are not for tests only.
fn shipped(metadata: &Metadata) -> BTreeSet<&str> {
    let edges: BTreeMap<&str, &[Edge]> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node.deps.as_slice())).collect();
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = metadata.workspace_members.iter().map(String::as_str).collect();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            let edges = edges.get(id).copied().unwrap_or_default();
            let real = edges.iter().filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev")));
            open.extend(real.map(|edge| edge.pkg.as_str()));
        }
    }
    found
}

/// Whether the terms can be met with licences of the list: of `OR` one side must be, of `AND` both. What cannot be read is
/// refused.
fn permits(terms: &str, allowed: &BTreeSet<String>) -> bool {
    // An old way to write OR.
    let spaced = terms.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let verdict = either(&mut words, allowed);
    words.next().is_none() && verdict.unwrap_or(false)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut verdict = both(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        verdict |= both(words, allowed)?;
    }
    Some(verdict)
}

fn both(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut verdict = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        verdict &= one(words, allowed)?;
    }
    Some(verdict)
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let verdict = either(words, allowed)?;
        return words.next_if_eq(&")").map(|_| verdict);
    }
    let name = match words.next_if_eq(&"WITH") {
        Some(_) => format!("{word} WITH {}", words.next()?),
        None => word.to_owned(),
    };
    Some(allowed.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> BTreeSet<String> {
        allowed("[licenses]\nallow = ['MIT', 'Zlib', 'Apache-2.0 WITH LLVM-exception']").expect("it is well formed")
    }

    #[test]
    fn of_or_one_side_is_enough_and_of_and_both_are_needed() {
        for terms in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(MIT OR GPL-3.0) AND Zlib", "Apache-2.0 WITH LLVM-exception"] {
            assert!(permits(terms, &list()), "{terms}");
        }
        for terms in ["GPL-3.0", "MIT AND GPL-3.0", "MIT OR GPL-3.0 AND", "(MIT", "Apache-2.0", "MIT Zlib", ""] {
            assert!(!permits(terms, &list()), "{terms}");
        }
    }

    #[test]
    fn a_forbidden_licence_is_found_unless_only_tests_use_it() {
        let metadata = r#"{
            "packages": [{"id": "ours", "name": "ours", "license": "MIT"}, {"id": "gpl", "name": "gpl", "license": "GPL-3.0"},
                         {"id": "dev", "name": "dev", "license": "GPL-3.0"}, {"id": "none", "name": "none", "license": null}],
            "workspace_members": ["ours"],
            "resolve": {"nodes": [
                {"id": "ours", "deps": [{"pkg": "gpl", "dep_kinds": [{"kind": "build"}]}, {"pkg": "dev", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "gpl", "deps": [{"pkg": "none", "dep_kinds": [{"kind": null}]}]}]}
        }"#;
        let metadata = serde_json::from_str(metadata).expect("as cargo writes it");
        let found: Vec<_> = judge(&metadata, &list()).into_iter().map(|finding| finding.item).collect();
        assert_eq!(found, ["gpl", "none"]);
    }
}
