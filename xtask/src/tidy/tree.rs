//! The repository as the rules see it: text by path, Rust parsed once.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};

use super::Finding;

/// Folders that hold nothing anybody wrote.
const SKIPPED: &[&str] = &[
    ".git",
    "node_modules",
    "build",
    "build-fake",
    ".svelte-kit",
    "gen",
    "corpus",
    "artifacts",
    "test-results",
    "playwright-report",
];
/// What the rules read.
const READ: &[&str] = &["rs", "toml", "ts", "svelte", "js", "css", "sql"];

/// All files that somebody wrote.
#[derive(Default)]
pub(super) struct Tree {
    files: BTreeMap<String, String>,
    rust: Vec<RustFile>,
    broken: Vec<Finding>,
}

/// A Rust file, parsed.
pub(super) struct RustFile {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) syntax: syn::File,
}

impl Tree {
    /// Reads the repository.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))? {
                let path = entry.context("could not list the repository")?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if path.is_dir() {
                    if !SKIPPED.contains(&name.as_ref()) && !name.starts_with("target") {
                        open.push(path);
                    }
                } else if READ.iter().any(|extension| path.extension().is_some_and(|found| found == *extension)) {
                    let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
                    files.insert(
                        path.strip_prefix(root).context("a listed file lies in its folder")?.to_string_lossy().into_owned(),
                        text,
                    );
                }
            }
        }
        Ok(Self::from_files(files))
    }

    /// A tree for a test.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::from_files(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn from_files(files: BTreeMap<String, String>) -> Self {
        let mut tree = Self { files, ..Self::default() };
        for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".rs")) {
            match syn::parse_file(text) {
                Ok(syntax) => tree.rust.push(RustFile { path: path.clone(), text: text.clone(), syntax }),
                Err(error) => {
                    let finding = Finding::new("syntax", path, "", format!("cannot be parsed: {error}"));
                    tree.broken.push(finding.at(error.span().start().line));
                }
            }
        }
        tree
    }

    /// Files that no rule could look into.
    pub(super) fn broken(&self) -> Vec<Finding> {
        self.broken.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Paths and texts of the files below `folder` (empty for all) that end in one of `endings`.
    pub(super) fn below<'a>(&'a self, folder: &'a str, endings: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(folder) && endings.iter().any(|ending| path.ends_with(ending)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn rust(&self) -> &[RustFile] {
        &self.rust
    }

    pub(super) fn rust_file(&self, path: &str) -> Option<&RustFile> {
        self.rust.iter().find(|file| file.path == path)
    }

    /// Every package: its folder (empty for the root) and its manifest.
    pub(super) fn packages(&self) -> Vec<(&str, toml::Table)> {
        self.below("", &["Cargo.toml"])
            .filter_map(|(path, text)| {
                let manifest: toml::Table = toml::from_str(text).ok()?;
                let folder = path.strip_suffix("Cargo.toml").unwrap_or_default().trim_end_matches('/');
                manifest.contains_key("package").then_some((folder, manifest))
            })
            .collect()
    }
}

impl RustFile {
    /// Whether the whole file is there for tests, examples or measurements.
    pub(super) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let folder = |wanted: &str| self.path.split('/').any(|part| part == wanted);
        name == "tests.rs" || folder("tests") || folder("benches") || folder("examples") || folder("fuzz")
    }

    /// The crate's folder and the module's path inside the crate; `None` outside `src`.
    pub(super) fn module(&self) -> Option<(&str, Vec<&str>)> {
        let (folder, inside) = self.path.split_once("/src/")?;
        let mut parts: Vec<&str> = inside.strip_suffix(".rs")?.split('/').collect();
        if matches!(parts.last(), Some(&"lib" | &"main" | &"mod")) {
            parts.pop();
        }
        Some((folder, parts))
    }
}

/// Whether an item is compiled for tests only.
pub(super) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        let named_test = path.segments.last().is_some_and(|segment| segment.ident == "test");
        named_test || (path.is_ident("cfg") && asks_for_tests(&attribute.meta))
    })
}

/// `cfg(test)`, also inside `any(…)` and `all(…)`; a `not(test)` anywhere means the opposite.
fn asks_for_tests(condition: &syn::Meta) -> bool {
    let syn::Meta::List(list) = condition else { return false };
    let written = list.tokens.to_string();
    let mut words = written.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.any(|word| word == "test") && !written.contains("not")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_parsed_is_a_finding() {
        let tree = Tree::of(&[("a/src/lib.rs", "fn (")]);
        assert_eq!(tree.broken().len(), 1);
    }

    #[test]
    fn a_file_knows_its_module() {
        let tree = Tree::of(&[("a/src/lib.rs", ""), ("a/src/idle/policy.rs", ""), ("a/tests/it/main.rs", "")]);
        let modules: Vec<_> = tree.rust().iter().map(RustFile::module).collect();
        assert_eq!(modules, [Some(("a", vec!["idle", "policy"])), Some(("a", vec![])), None]);
    }
}
