//! Decisions are pure: no I/O, no clock, no waiting.

use syn::visit::{self, Visit};

use super::{
    Finding,
    paths::mentioned,
    tree::{RustFile, Tree, is_for_tests},
};

/// The modules that decide: crate folder and module path.
const DECISIONS: &[(&str, &[&str])] = &[
    ("agent-core", &["duty"]),
    ("agent-core", &["idle", "policy"]),
    ("agent-core", &["idle", "diary"]),
    ("agent-core", &["idle", "replay"]),
    ("agent-core", &["meter"]),
    ("agent-core", &["doctor", "judge"]),
    ("agent-core", &["doctor", "advisories"]),
    ("coordinator", &["market"]),
];

/// Where the outside world begins. A path that starts so reaches it.
const OUTSIDE: &[&[&str]] = &[
    &["bollard"],
    &["reqwest"],
    &["rustix"],
    &["sqlx"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["tokio"],
];

/// Calls that ask what time it is.
const CLOCKS: &[[&str; 2]] = &[["Instant", "now"], ["SystemTime", "now"]];

/// What the pure modules must not touch.
pub(super) fn decisions(tree: &Tree) -> Vec<Finding> {
    tree.rust().iter().filter(|file| !file.is_test() && decides(file)).flat_map(impurities).collect()
}

fn decides(file: &RustFile) -> bool {
    file.module()
        .is_some_and(|(folder, module)| DECISIONS.iter().any(|(owner, path)| *owner == folder && module.starts_with(path)))
}

fn impurities(file: &RustFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mention in mentioned(&file.syntax) {
        let written = mention.segments.join("::");
        let outside =
            OUTSIDE.iter().any(|path| mention.segments.iter().map(String::as_str).take(path.len()).eq(path.iter().copied()));
        let clock =
            CLOCKS.iter().any(|call| mention.segments.iter().rev().take(2).map(String::as_str).eq(call.iter().rev().copied()));
        if outside || clock {
            let text = format!("`{written}` in a module that decides: take it as an argument, return it as an effect");
            findings.push(Finding::new("pure", &file.path, written, text).at(mention.line));
        }
    }
    let mut waits = Waits::default();
    waits.visit_file(&file.syntax);
    findings.extend(
        waits
            .lines
            .into_iter()
            .map(|line| Finding::new("pure", &file.path, "async", "a module that decides never waits").at(line)),
    );
    findings
}

#[derive(Default)]
struct Waits {
    lines: Vec<usize>,
}

impl<'ast> Visit<'ast> for Waits {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(token) = signature.asyncness {
            self.lines.push(token.span.start().line);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.lines.push(block.async_token.span.start().line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        decisions(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.item).collect()
    }

    #[test]
    fn a_decision_that_reads_files_or_clocks_is_found() {
        assert_eq!(found("agent-core/src/meter.rs", "use std::fs::File;"), ["std::fs::File"]);
        assert_eq!(
            found("coordinator/src/market.rs", "fn f() { let t = std::time::Instant::now(); }"),
            ["std::time::Instant::now"]
        );
        assert_eq!(found("agent-core/src/duty/step.rs", "use tokio::{sync::mpsc};"), ["tokio::sync::mpsc"]);
    }

    #[test]
    fn a_decision_that_waits_is_found() {
        assert_eq!(found("agent-core/src/idle/policy.rs", "async fn judge() {}"), ["async"]);
    }

    #[test]
    fn other_modules_and_tests_may() {
        assert_eq!(found("agent-core/src/idle.rs", "use tokio::sync::watch; async fn f() {}"), [""; 0]);
        assert_eq!(found("agent-core/src/duty/tests.rs", "use std::fs;"), [""; 0]);
        assert_eq!(found("agent-core/src/duty.rs", "use std::time::{Duration, Instant};"), [""; 0]);
    }
}
