//! The TypeScript types of everything that crosses into the window, generated from `protocol`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    process::{cargo, run},
    workspace,
};

/// How a fresh set of bindings is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Selection {
    /// Only the protocol crate: quick when nothing is built yet.
    Protocol,
    /// The whole workspace's build, which the full test run has made already.
    Workspace,
}

/// Writes `ui/src/lib/bindings` anew; types that are gone lose their file.
pub(crate) fn write() -> Result<()> {
    let fresh = generate(Selection::Protocol)?;
    let committed = read(&folder())?;
    for name in committed.keys().filter(|name| !fresh.contains_key(*name)) {
        std::fs::remove_file(folder().join(name)).with_context(|| format!("could not remove {name}"))?;
    }
    std::fs::create_dir_all(folder()).context("could not make the bindings folder")?;
    let mut changed = 0;
    for (name, text) in &fresh {
        if committed.get(name) != Some(text) {
            std::fs::write(folder().join(name), text).with_context(|| format!("could not write {name}"))?;
            changed += 1;
        }
    }
    println!("{} bindings, {changed} of them changed.", fresh.len());
    Ok(())
}

/// Fails if writing would change anything.
pub(crate) fn check(selection: Selection) -> Result<()> {
    let drift = drift(&read(&folder())?, &generate(selection)?);
    if !drift.is_empty() {
        bail!("ui/src/lib/bindings is not what protocol says; run `cargo xtask bindings`:\n  {}", drift.join("\n  "));
    }
    Ok(())
}

fn drift(committed: &BTreeMap<String, String>, fresh: &BTreeMap<String, String>) -> Vec<String> {
    let gone = committed.keys().filter(|name| !fresh.contains_key(*name)).map(|name| format!("{name} has no type any more"));
    let stale = fresh.iter().filter_map(|(name, text)| match committed.get(name) {
        None => Some(format!("{name} is missing")),
        Some(old) if old != text => Some(format!("{name} is stale")),
        Some(_) => None,
    });
    gone.chain(stale).collect()
}

/// Exported into a folder of its own, so that a check leaves the tree alone.
fn generate(selection: Selection) -> Result<BTreeMap<String, String>> {
    let out = workspace::own_place(&workspace::target(), "bindings", "").context("could not make room for the bindings")?;
    let mut test = cargo();
    test.args(["test", "--quiet"]);
    match selection {
        Selection::Protocol => test.args(["--package", "headframe-protocol", "--lib", "--features", "ts"]),
        Selection::Workspace => test.args(crate::test::WORKSPACE).args(["--lib"]),
    };
    // ts-rs exports each type in a test of this name.
    run(test.arg("export_bindings").env("TS_RS_EXPORT_DIR", &out))?;
    let fresh = read(&out)?;
    std::fs::remove_dir_all(&out).context("no type was exported, or they could not be cleared away")?;
    if fresh.is_empty() {
        bail!("no type was exported; did ts-rs rename its tests?");
    }
    Ok(fresh)
}

fn folder() -> PathBuf {
    workspace::root().join("ui/src/lib/bindings")
}

/// Every file below `folder`, by its relative path.
fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.context("could not list the bindings")?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).context("a listed file lies in its folder")?.to_string_lossy().into_owned();
            files.insert(name, std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_stale_a_missing_and_a_forgotten_file_are_each_named() {
        let committed = files(&[("Phase.ts", "old"), ("Rig.ts", "same"), ("Gone.ts", "x")]);
        let fresh = files(&[("Phase.ts", "new"), ("Rig.ts", "same"), ("Job.ts", "y")]);
        assert_eq!(drift(&committed, &fresh), ["Gone.ts has no type any more", "Job.ts is missing", "Phase.ts is stale"]);
    }
}
