//! What nobody uses any more: dependencies, source files.

use std::collections::BTreeSet;

use super::{
    Finding,
    directions::dependencies as named,
    tree::{RustFile, Tree},
};

/// Versions that the workspace keeps for nobody.
pub(super) fn workspace_dependencies(tree: &Tree) -> Vec<Finding> {
    let Some(root) = tree.text("Cargo.toml").and_then(|text| toml::from_str::<toml::Table>(text).ok()) else { return Vec::new() };
    let shared = root.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(toml::Value::as_table);
    let used: BTreeSet<String> = tree.packages().iter().flat_map(|(_, manifest)| named(manifest)).collect();
    let names = shared.into_iter().flat_map(toml::Table::keys);
    names
        .filter(|name| !used.contains(*name))
        .map(|name| Finding::new("unused-dependency", "Cargo.toml", name, format!("no crate of the workspace uses {name}")))
        .collect()
}

/// Dependencies that a crate declares and never mentions.
pub(super) fn dependencies(tree: &Tree) -> Vec<Finding> {
    let packages = tree.packages();
    let mut findings = Vec::new();
    for (folder, manifest) in &packages {
        let texts: Vec<&str> = rust_of(tree, folder, &packages).map(|file| file.text.as_str()).collect();
        for name in named(manifest) {
            let word = name.replace('-', "_");
            if !texts.iter().any(|text| has_word(text, &word)) {
                let text = format!("{name} is declared and never mentioned");
                findings.push(Finding::new("unused-dependency", &format!("{folder}/Cargo.toml"), name, text));
            }
        }
    }
    findings
}

/// The Rust files of a package, without those of a package nested in it.
fn rust_of<'a>(tree: &'a Tree, folder: &'a str, packages: &'a [(&str, toml::Table)]) -> impl Iterator<Item = &'a RustFile> {
    let below = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    tree.rust().iter().filter(move |file| {
        let nested = packages.iter().any(|(other, _)| below(other, folder) && below(&file.path, other));
        below(&file.path, folder) && !nested
    })
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let letter = |neighbour: Option<char>| neighbour.is_some_and(|found| found.is_alphanumeric() || found == '_');
        !letter(text[..at].chars().next_back()) && !letter(text[at + word.len()..].chars().next())
    })
}

/// Rust files that no crate compiles.
pub(super) fn rust_files(tree: &Tree) -> Vec<Finding> {
    let packages = tree.packages();
    let mut alive = BTreeSet::new();
    for (folder, manifest) in &packages {
        for file in rust_of(tree, folder, &packages).filter(|file| is_root(file, folder, manifest)) {
            reach(tree, file, &mut alive);
        }
    }
    tree.rust()
        .iter()
        .filter(|file| !alive.contains(&file.path))
        .map(|file| Finding::new("dead-file", &file.path, "", "no crate compiles this file"))
        .collect()
}

/// Whether cargo starts a crate at this file.
fn is_root(file: &RustFile, folder: &str, manifest: &toml::Table) -> bool {
    let Some(inside) = file.path.strip_prefix(folder).map(|path| path.trim_start_matches('/')) else { return false };
    let parts: Vec<&str> = inside.split('/').collect();
    let by_place = matches!(
        parts.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "examples" | "benches", _]
            | ["tests" | "examples" | "benches", _, "main.rs"]
    );
    let named = ["lib", "bin", "test", "bench", "example"].iter().filter_map(|key| manifest.get(*key)).any(|section| {
        let tables = section.as_array().cloned().unwrap_or_else(|| vec![section.clone()]);
        tables.iter().any(|table| table.get("path").and_then(toml::Value::as_str) == Some(inside))
    });
    by_place || named
}

/// Follows `mod name;` from a crate's root.
fn reach(tree: &Tree, file: &RustFile, alive: &mut BTreeSet<String>) {
    if !alive.insert(file.path.clone()) {
        return;
    }
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    // A crate's root and a mod.rs keep their modules beside them, every other file in a folder of its name.
    for base in [folder.to_owned(), format!("{folder}/{stem}")] {
        follow(tree, &base, &file.syntax.items, alive);
    }
}

fn follow(tree: &Tree, base: &str, items: &[syn::Item], alive: &mut BTreeSet<String>) {
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        if let Some((_, inner)) = &module.content {
            follow(tree, &format!("{base}/{}", module.ident), inner, alive);
            continue;
        }
        let written = written_paths(&module.attrs);
        let paths = if written.is_empty() {
            vec![format!("{base}/{}.rs", module.ident), format!("{base}/{}/mod.rs", module.ident)]
        } else {
            written.into_iter().map(|path| format!("{base}/{path}")).collect()
        };
        for path in paths {
            if let Some(found) = tree.rust_file(&path) {
                reach(tree, found, alive);
            }
        }
    }
}

/// The files of `#[path = "…"]`, also where one stands per platform behind a condition.
fn written_paths(attributes: &[syn::Attribute]) -> Vec<String> {
    let written = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        syn::Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let tokens = list.tokens.to_string();
            let (_, text) = tokens.split_once("path = ")?;
            text.split('"').nth(1).map(str::to_owned)
        }
        syn::Meta::Path(_) | syn::Meta::NameValue(_) | syn::Meta::List(_) => None,
    });
    written.collect()
}

/// Files of the UI's library that nothing imports.
pub(super) fn ui_files(tree: &Tree) -> Vec<Finding> {
    let all: Vec<(&str, &str)> = tree.below("ui/", &[".ts", ".svelte", ".js"]).collect();
    let library = all.iter().filter(|(path, _)| path.starts_with("ui/src/lib/") && !path.contains("/bindings/"));
    let own_reasons =
        |path: &str| [".test.ts", ".stories.svelte", "/index.ts", ".d.ts"].iter().any(|ending| path.ends_with(ending));
    library
        .filter(|(path, _)| !own_reasons(path))
        .filter(|(path, _)| !all.iter().any(|(other, text)| other != path && !other.ends_with(".test.ts") && imports(text, path)))
        .map(|(path, _)| Finding::new("dead-file", path, "", "nothing but a test imports this file"))
        .collect()
}

/// Whether a text names the file in quotes, with or without its TypeScript ending.
fn imports(text: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let bare = name.strip_suffix(".ts").unwrap_or(name);
    [name, bare].iter().any(|name| ['\'', '"'].iter().any(|quote| text.contains(&format!("/{name}{quote}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = "[package]\nname = \"x\"\n";

    #[test]
    fn a_version_kept_for_nobody_is_found() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace.dependencies]\nbytes = \"1\"\nhex = \"1\"\n"),
            ("a/Cargo.toml", &format!("{PACKAGE}[dev-dependencies]\nbytes.workspace = true\n")),
        ]);
        assert_eq!(workspace_dependencies(&tree)[0].item, "hex");
    }

    #[test]
    fn a_dependency_is_used_where_its_name_stands_as_a_word() {
        let tree = Tree::of(&[
            ("a/Cargo.toml", &format!("{PACKAGE}[dependencies]\nts-rs = \"1\"\nhex = \"1\"\n")),
            ("a/src/lib.rs", "#[derive(ts_rs::TS)] struct Hexagon; // hexed"),
        ]);
        let found: Vec<_> = dependencies(&tree).into_iter().map(|finding| finding.item).collect();
        assert_eq!(found, ["hex"]);
    }

    #[test]
    fn a_file_outside_every_crate_is_found() {
        let tree = Tree::of(&[
            ("a/Cargo.toml", PACKAGE),
            (
                "a/src/lib.rs",
                "mod used; #[cfg(test)] #[path = \"odd.rs\"] mod renamed; #[cfg_attr(unix, path = \"unix.rs\")] mod os;",
            ),
            ("a/src/used.rs", "mod below;"),
            ("a/src/used/below.rs", ""),
            ("a/src/odd.rs", ""),
            ("a/src/unix.rs", ""),
            ("a/src/forgotten.rs", ""),
            ("a/tests/it/main.rs", "mod pull;"),
            ("a/tests/it/pull.rs", ""),
        ]);
        let found: Vec<_> = rust_files(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["a/src/forgotten.rs"]);
    }

    #[test]
    fn a_component_that_only_its_test_imports_is_found() {
        let tree = Tree::of(&[
            ("ui/src/lib/kit/Card.svelte", ""),
            ("ui/src/lib/kit/Old.svelte", ""),
            ("ui/src/lib/kit/Old.test.ts", "import Old from './Old.svelte';"),
            ("ui/src/lib/state/agent.svelte.ts", ""),
            (
                "ui/src/routes/+page.svelte",
                "import Card from '$lib/kit/Card.svelte'; import { a } from '$lib/state/agent.svelte';",
            ),
        ]);
        let found: Vec<_> = ui_files(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["ui/src/lib/kit/Old.svelte"]);
    }
}
