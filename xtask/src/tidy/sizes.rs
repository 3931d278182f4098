//! How long things are. A limit is not a goal: it is where a reader starts to scroll.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::{
    spanned::Spanned as _,
    visit::{self, Visit},
};

use super::{
    Finding,
    tree::{RustFile, Tree, is_for_tests},
};

/// Lines of a Rust file, its inline tests not counted.
const RUST_LINES_MAX: usize = 500;
/// Lines of a file that holds nothing but tests.
const TEST_LINES_MAX: usize = 800;
/// Lines of a Svelte component.
const SVELTE_LINES_MAX: usize = 250;
/// Lines of a function, from its name to its last brace.
const FUNCTION_LINES_MAX: usize = 60;
/// Arms of a `select!`: beyond this nobody sees all causes at once.
const SELECT_ARMS_MAX: usize = 7;

/// Files.
pub(super) fn files(tree: &Tree) -> Vec<Finding> {
    let rust = tree.rust().iter().map(|file| {
        let limit = if file.is_test() { TEST_LINES_MAX } else { RUST_LINES_MAX };
        (file.path.as_str(), file.text.lines().count() - if file.is_test() { 0 } else { inline_test_lines(file) }, limit)
    });
    let svelte = tree.below("ui/", &[".svelte"]).map(|(path, text)| (path, text.lines().count(), SVELTE_LINES_MAX));
    rust.chain(svelte)
        .filter(|(_, lines, limit)| lines > limit)
        .map(|(path, lines, limit)| Finding::new("file-size", path, "", format!("{lines} lines, at most {limit}")))
        .collect()
}

fn inline_test_lines(file: &RustFile) -> usize {
    file.syntax
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(module) if is_for_tests(&module.attrs) => Some(lines(module.span())),
            _ => None,
        })
        .sum()
}

fn lines(span: proc_macro2::Span) -> usize {
    span.end().line - span.start().line + 1
}

/// Functions outside tests: a test may be a long list.
pub(super) fn functions(tree: &Tree) -> Vec<Finding> {
    walk(tree, |walker| walker.long)
}

/// `select!` blocks, wherever they stand.
pub(super) fn selects(tree: &Tree) -> Vec<Finding> {
    walk(tree, |walker| walker.wide)
}

fn walk(tree: &Tree, pick: impl Fn(Walker<'_>) -> Vec<Finding>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().iter().filter(|file| !file.is_test()) {
        let mut walker = Walker { path: &file.path, long: Vec::new(), wide: Vec::new() };
        walker.visit_file(&file.syntax);
        findings.extend(pick(walker));
    }
    findings
}

struct Walker<'a> {
    path: &'a str,
    long: Vec<Finding>,
    wide: Vec<Finding>,
}

impl Walker<'_> {
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let start = signature.fn_token.span.start().line;
        let lines = block.brace_token.span.close().end().line - start + 1;
        if lines > FUNCTION_LINES_MAX {
            let name = signature.ident.to_string();
            let text = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}");
            self.long.push(Finding::new("function-size", self.path, name, text).at(start));
        }
    }
}

impl<'ast> Visit<'ast> for Walker<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            self.measure(&function.sig, &function.block);
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.segments.last().is_some_and(|segment| segment.ident == "select") {
            let arms = arrows(call.tokens.clone());
            if arms > SELECT_ARMS_MAX {
                let line = call.path.span().start().line;
                let text = format!("a select! with {arms} arms, at most {SELECT_ARMS_MAX}");
                self.wide.push(Finding::new("select-arms", self.path, "", text).at(line));
            }
        }
    }
}

/// `=>` on the outermost level.
fn arrows(tokens: TokenStream) -> usize {
    let mut equals_before = false;
    let mut arrows = 0;
    for token in tokens {
        let TokenTree::Punct(mark) = token else {
            equals_before = false;
            continue;
        };
        if equals_before && mark.as_char() == '>' {
            arrows += 1;
        }
        equals_before = mark.as_char() == '=' && mark.spacing() == Spacing::Joint;
    }
    arrows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// line\n".repeat(RUST_LINES_MAX));
        let code = "// line\n".repeat(RUST_LINES_MAX);
        assert_eq!(files(&Tree::of(&[("a/src/lib.rs", &format!("{code}{tests}"))])), []);
        assert_eq!(files(&Tree::of(&[("a/src/lib.rs", &format!("{code}// one more\n{tests}"))])).len(), 1);
    }

    #[test]
    fn tests_and_components_have_limits_of_their_own() {
        let tree = Tree::of(&[
            ("a/tests/it/main.rs", &"// line\n".repeat(TEST_LINES_MAX + 1)),
            ("a/tests/it/other.rs", &"// line\n".repeat(TEST_LINES_MAX)),
            ("ui/src/lib/rig/Big.svelte", &"<p></p>\n".repeat(SVELTE_LINES_MAX + 1)),
        ]);
        assert_eq!(files(&tree).len(), 2);
    }

    #[test]
    fn a_long_function_is_found_by_name_and_a_long_test_is_not() {
        let tree = Tree::of(&[
            ("a/src/lib.rs", &function(FUNCTION_LINES_MAX + 1)),
            ("a/src/fine.rs", &function(FUNCTION_LINES_MAX)),
            ("a/src/tested.rs", &format!("#[test]\n{}", function(FUNCTION_LINES_MAX + 1))),
        ]);
        let found: Vec<_> = functions(&tree).into_iter().map(|finding| (finding.path, finding.item)).collect();
        assert_eq!(found, [("a/src/lib.rs".to_owned(), "long".to_owned())]);
    }

    #[test]
    fn an_eighth_arm_is_found_and_inner_matches_do_not_count() {
        let arm = "_ = a.b() => match x { 1 => {} 2 => {} },";
        let of = |arms: usize| format!("async fn f() {{ tokio::select! {{ biased; {} }} }}", arm.repeat(arms));
        assert_eq!(selects(&Tree::of(&[("a/src/lib.rs", &of(SELECT_ARMS_MAX))])), []);
        assert_eq!(selects(&Tree::of(&[("a/src/lib.rs", &of(SELECT_ARMS_MAX + 1))])).len(), 1);
    }
}
