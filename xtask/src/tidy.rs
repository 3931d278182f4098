//! What a compiler does not see and a reviewer should not have to look for: who imports whom, how long things are, what things
//! are called, what nobody uses any more.
//!
//! A rule reads the [`Tree`] and returns findings; it knows nothing of exceptions. Those stand in `xtask/tidy.toml`, each with
//! its reason, and an exception that excuses nothing is a finding itself.

mod bans;
mod directions;
mod exceptions;
mod licences;
mod names;
mod paths;
mod pure;
mod sizes;
mod tree;
mod ui;
mod unused;

use std::fmt;

use anyhow::{Result, bail};

use exceptions::Exceptions;
use tree::Tree;

use crate::workspace;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// The file, from the repository's root.
    path: String,
    /// The line, where there is one to point at.
    line: Option<usize>,
    /// The rule's name, as `tidy.toml` spells it.
    rule: &'static str,
    /// What it is about: a function, a type, a crate. `tidy.toml` may excuse one item and not the whole file.
    item: String,
    /// What is wrong, for the reader.
    text: String,
}

impl Finding {
    fn new(rule: &'static str, path: &str, item: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, rule, item: item.into(), text: text.into() }
    }

    fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.path)?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        write!(out, ": {} [{}]", self.text, self.rule)
    }
}

/// Every rule over the tree. In the order in which a newcomer would want to hear them.
const RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    directions::crates,
    directions::modules,
    pure::decisions,
    sizes::files,
    sizes::functions,
    sizes::selects,
    names::types,
    names::files,
    names::promises,
    ui::big_numbers,
    ui::commands,
    unused::workspace_dependencies,
    unused::dependencies,
    unused::rust_files,
    unused::ui_files,
];

/// The command: prints every finding, fails if there is one.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read(workspace::root())?;
    let exceptions = Exceptions::read(&workspace::root().join("xtask/tidy.toml"))?;
    let mut findings = tree.broken();
    findings.extend(RULES.iter().flat_map(|rule| rule(&tree)));
    findings.extend(bans::crates(&tree)?);
    findings.extend(licences::crates(&tree)?);
    let mut left = exceptions.excuse(findings);
    left.sort();
    left.dedup();
    for finding in &left {
        println!("{finding}");
    }
    if !left.is_empty() {
        bail!("{} findings. An exception goes into xtask/tidy.toml with its reason", left.len());
    }
    println!("Tidy: {} files, {} rules, {} exceptions.", tree.len(), RULES.len() + 2, exceptions.len());
    Ok(())
}
