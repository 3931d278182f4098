//! The paths that a file mentions outside its tests: `use` lines, and paths in expressions and types.

use syn::visit::{self, Visit};

use super::tree::is_for_tests;

/// A path as it is written, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// All of them, in the order of the text.
pub(super) fn mentioned(syntax: &syn::File) -> Vec<Mention> {
    let mut collector = Collector::default();
    collector.visit_file(syntax);
    collector.found
}

#[derive(Default)]
struct Collector {
    found: Vec<Mention>,
}

impl Collector {
    fn flatten(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let mut path = prefix.to_vec();
        match tree {
            syn::UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.flatten(&path, &step.tree);
            }
            syn::UseTree::Name(name) => self.push(path, &name.ident),
            syn::UseTree::Rename(rename) => self.push(path, &rename.ident),
            syn::UseTree::Glob(glob) => {
                self.found.push(Mention { segments: path, line: glob.star_token.spans[0].start().line });
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.flatten(&path, item)),
        }
    }

    fn push(&mut self, mut path: Vec<String>, last: &syn::Ident) {
        if last != "self" {
            path.push(last.to_string());
        }
        self.found.push(Mention { segments: path, line: last.span().start().line });
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        if !is_for_tests(&import.attrs) {
            self.flatten(&[], &import.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.found.push(Mention { segments, line });
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_flattened_and_tests_are_left_out() {
        let syntax = syn::parse_file(
            "use a::{b, c::{self, d as e}};\n\
             fn f() { x::y(); }\n\
             #[cfg(test)] mod tests { use hidden::thing; }",
        )
        .expect("it is Rust");
        let written: Vec<String> = mentioned(&syntax).iter().map(|mention| mention.segments.join("::")).collect();
        assert_eq!(written, ["a::b", "a::c", "a::c::d", "x::y"]);
    }
}
