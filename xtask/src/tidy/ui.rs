//! The seam between the window's Rust and its pages.

use std::collections::BTreeSet;

use super::{Finding, tree::Tree};

const COMMANDS: &str = "ui/src/lib/ipc/commands.ts";

/// A 64-bit integer that reached TypeScript as `bigint`, which JSON never produces.
pub(super) fn big_numbers(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.below("ui/src/lib/bindings/", &[".ts"]) {
        for (index, _) in text.lines().enumerate().filter(|(_, line)| line.contains("bigint")) {
            let message = "`bigint` never comes out of JSON: send a decimal string, or a number if it stays below 2^53";
            findings.push(Finding::new("bigint", path, "", message).at(index + 1));
        }
    }
    findings
}

/// Commands that one side offers and the other does not know.
pub(super) fn commands(tree: &Tree) -> Vec<Finding> {
    let offered: BTreeSet<String> = tree.below("src-tauri/src/", &[".rs"]).flat_map(|(_, text)| offered(text)).collect();
    let called: BTreeSet<String> = tree.text(COMMANDS).map(called).unwrap_or_default().into_iter().collect();
    let unknown = called.difference(&offered).map(|name| format!("`{name}` is called, and the window has no such command"));
    let unused = offered.difference(&called).map(|name| format!("the window's command `{name}` has no function here"));
    unknown.chain(unused).map(|text| Finding::new("commands", COMMANDS, "", text)).collect()
}

/// The names in `generate_handler![…]`.
fn offered(rust: &str) -> Vec<String> {
    let Some((_, rest)) = rust.split_once("generate_handler![") else { return Vec::new() };
    let Some((list, _)) = rest.split_once(']') else { return Vec::new() };
    list.split(',')
        .filter_map(|path| path.trim().rsplit("::").next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The names in `call<Answer>('name', …)`.
fn called(typescript: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in typescript.match_indices("call") {
        let after = &typescript[at + "call".len()..];
        let Some(arguments) = after_generics(after).and_then(|rest| rest.strip_prefix('(')) else { continue };
        let quoted = arguments.trim_start();
        let Some(quote) = quoted.chars().next().filter(|mark| matches!(mark, '\'' | '"')) else { continue };
        names.extend(quoted[1..].split(quote).next().map(str::to_owned));
    }
    names
}

/// What follows a balanced `<…>`, or the text itself if there is none.
fn after_generics(text: &str) -> Option<&str> {
    if !text.starts_with('<') {
        return Some(text);
    }
    let mut depth = 0_usize;
    for (at, mark) in text.char_indices() {
        match mark {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&text[at + 1..]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bigint_is_found_where_it_stands() {
        let tree = Tree::of(&[("ui/src/lib/bindings/Micros.ts", "// generated\nexport type Micros = bigint;")]);
        assert_eq!(big_numbers(&tree)[0].line, Some(2));
    }

    #[test]
    fn a_command_known_to_one_side_only_is_found() {
        let tree = Tree::of(&[
            (
                "src-tauri/src/main.rs",
                "fn main() { x.invoke_handler(tauri::generate_handler![commands::pause, commands::start,]) }",
            ),
            (
                COMMANDS,
                "export const pause = (args: PauseArgs) => call<Array<null>>('pause', args);\nexport const fly = () => call<null>(\n  'fly');",
            ),
        ]);
        let found: Vec<_> = commands(&tree).into_iter().map(|finding| finding.text).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`fly`") && found[1].contains("`start`"), "{found:?}");
    }

    #[test]
    fn equal_lists_pass() {
        let tree = Tree::of(&[("src-tauri/src/main.rs", "tauri::generate_handler![pause]"), (COMMANDS, "call<null>('pause')")]);
        assert_eq!(commands(&tree), []);
    }
}
