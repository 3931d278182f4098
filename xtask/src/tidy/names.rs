//! What things are called, and what is promised in passing.

use syn::visit::{self, Visit};

use super::{
    Finding,
    tree::{Tree, is_for_tests},
};

/// Words that say where a thing sits on the shelf instead of what it is.
const EMPTY_WORDS: &[&str] =
    &["Data", "Handler", "Helper", "Helpers", "Info", "Manager", "Processor", "Service", "Util", "Utils"];
/// File names that attract whatever has no home.
const ATTICS: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];
/// Marks of work put off. Spelled in two parts so that this file does not find itself.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Types.
pub(super) fn types(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().iter().filter(|file| !file.is_test()) {
        let mut names = Names::default();
        names.visit_file(&file.syntax);
        for name in names.found {
            let text = name.to_string();
            if let Some(empty) = words(&text).find(|word| EMPTY_WORDS.contains(word)) {
                let message = format!("`{text}`: the word `{empty}` says nothing; name what it is");
                findings.push(Finding::new("type-name", &file.path, text.clone(), message).at(name.span().start().line));
            }
        }
    }
    findings
}

/// The parts of a CamelCase name.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = name.char_indices().filter(|(_, letter)| letter.is_uppercase()).map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([name.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &name[start..end])
}

#[derive(Default)]
struct Names {
    found: Vec<syn::Ident>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.found.push(item.ident.clone());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.found.push(item.ident.clone());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.found.push(item.ident.clone());
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.found.push(item.ident.clone());
    }
}

/// Source files.
pub(super) fn files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _) in tree.below("", &[".rs", ".ts", ".svelte"]) {
        let stem = path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or(path);
        if ATTICS.contains(&stem.to_lowercase().as_str()) {
            findings.push(Finding::new("file-name", path, stem, format!("`{stem}` is an attic; name what the file owns")));
        }
    }
    findings
}

/// Work put off without an issue that remembers it.
pub(super) fn promises(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.below("", &[".rs", ".ts", ".svelte", ".css", ".js", ".sql", ".toml"]) {
        for (index, line) in text.lines().enumerate() {
            for mark in MARKS.iter().filter(|mark| forgotten(line, mark)) {
                findings.push(
                    Finding::new("promise", path, *mark, format!("{mark} without an issue: write {mark}(#number)")).at(index + 1),
                );
            }
        }
    }
    findings
}

/// Whether the mark stands in the line as a word and is not followed by `(#number)`.
fn forgotten(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let letter = |neighbour: Option<char>| neighbour.is_some_and(|found| found.is_alphanumeric() || found == '_');
        let after = &line[at + mark.len()..];
        let word = !letter(line[..at].chars().next_back()) && !letter(after.chars().next());
        let issue = after.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
        word && !issue
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_word_in_a_type_is_found_and_a_longer_word_is_not() {
        let tree = Tree::of(&[("a/src/lib.rs", "struct DockerManager; enum Metadata {} trait JobInfo {} struct Database;")]);
        let found: Vec<_> = types(&tree).into_iter().map(|finding| finding.item).collect();
        assert_eq!(found, ["DockerManager", "JobInfo"]);
    }

    #[test]
    fn an_attic_is_found() {
        let found = files(&Tree::of(&[("ui/src/lib/utils.ts", ""), ("a/src/money.rs", "")]));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_promise_needs_an_issue() {
        let mark = MARKS[0];
        let text = format!("// {mark}: later\n// {mark}(#12): later\n// {mark}S are fine\n// {mark}(me): later\n");
        let lines: Vec<_> =
            promises(&Tree::of(&[("a/src/lib.rs", &text)])).into_iter().filter_map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 4]);
    }
}
