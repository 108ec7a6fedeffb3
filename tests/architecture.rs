//! The order of the groups in `src/lib.rs` is the architecture; this test proves that it holds.
//!
//! A module imports only from groups above its own, and modules of one group do not import each
//! other. Every path of the sources is looked at: `use` items, re-exports, inline `crate::…` paths,
//! `super::…` chains that leave the module, and the paths inside macro calls.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// The module groups of `lib.rs`, read from its text: a blank line ends a group.
fn groups(lib: &str) -> BTreeMap<String, usize> {
    let mut group = 0;
    let mut seen = BTreeMap::new();
    for line in lib.lines() {
        if line.trim().is_empty() {
            group += 1;
        } else if let Some(name) = line
            .trim()
            .strip_prefix("pub mod ")
            .and_then(|l| l.strip_suffix(';'))
        {
            seen.insert(name.to_owned(), group);
        }
    }
    seen
}

/// One reference from a module of the crate to another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reference {
    line: usize,
    to: String,
}

/// Collects what a file refers to.
struct References {
    /// The path of the file's module within the crate, `["wire", "options"]`.
    module: Vec<String>,
    found: Vec<Reference>,
}

impl References {
    /// Resolves a path to the top module that it names, if it leads out of this file's top module.
    fn path(&mut self, segments: &[String], line: usize) {
        let target = match segments.first().map(String::as_str) {
            Some("crate" | "wire9") => segments.get(1).cloned(),
            Some("super") => {
                let ups = segments.iter().take_while(|s| *s == "super").count();
                (ups >= self.module.len())
                    .then(|| segments.get(ups).cloned())
                    .flatten()
            }
            _ => None,
        };
        if let Some(to) = target {
            self.found.push(Reference { line, to });
        }
    }

    fn tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(p) => {
                let mut next = prefix.to_vec();
                next.push(p.ident.to_string());
                self.tree(&next, &p.tree);
            }
            syn::UseTree::Group(g) => g.items.iter().for_each(|t| self.tree(prefix, t)),
            syn::UseTree::Name(n) => self.leaf(prefix, &n.ident),
            syn::UseTree::Rename(r) => self.leaf(prefix, &r.ident),
            syn::UseTree::Glob(g) => {
                self.path(prefix, g.star_token.spans[0].start().line);
            }
        }
    }

    fn leaf(&mut self, prefix: &[String], ident: &proc_macro2::Ident) {
        let mut path = prefix.to_vec();
        path.push(ident.to_string());
        self.path(&path, ident.span().start().line);
    }

    /// Paths inside macro calls are not syntax trees: look for `crate :: name` in the tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        for (i, tree) in trees.iter().enumerate() {
            match tree {
                TokenTree::Group(g) => self.tokens(g.stream()),
                TokenTree::Ident(first) if *first == "crate" || *first == "super" => {
                    let rest = trees[i + 1..].iter().filter_map(|t| match t {
                        TokenTree::Ident(ident) => Some(ident.to_string()),
                        _ => None,
                    });
                    let mut path = vec![first.to_string()];
                    path.extend(rest.take(4));
                    self.path(&path, first.span().start().line);
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for References {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let Some(first) = path.segments.first() {
            self.path(&segments, first.ident.span().start().line);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.tokens(mac.tokens.clone());
        syn::visit::visit_macro(self, mac);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }
}

/// Every violation in one source text, as `module:line: imports other`.
fn violations(groups: &BTreeMap<String, usize>, module: &[String], source: &str) -> Vec<String> {
    let file = syn::parse_file(source).unwrap_or_else(|e| panic!("{}: {e}", module.join("::")));
    let mut references = References {
        module: module.to_vec(),
        found: Vec::new(),
    };
    references.visit_file(&file);
    references.found.sort();
    references.found.dedup();
    let Some(own) = groups.get(&module[0]) else {
        return vec![format!(
            "{}: not in a group of src/lib.rs",
            module.join("::")
        )];
    };
    references
        .found
        .into_iter()
        .filter(|r| r.to != module[0])
        .filter(|r| groups.get(&r.to).is_none_or(|group| group >= own))
        .map(|r| format!("{}:{}: imports {}", module.join("::"), r.line, r.to))
        .collect()
}

const LIB: &str = include_str!("../src/lib.rs");

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder can be read") {
        let path = entry.expect("a source folder can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn module_of(root: &Path, file: &Path) -> Vec<String> {
    let relative = file
        .strip_prefix(root)
        .expect("the file lies under src")
        .with_extension("");
    let mut module: Vec<String> = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

#[test]
fn modules_import_only_from_groups_above_their_own() {
    let groups = groups(LIB);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut found = Vec::new();
    let mut looked_at = 0;
    for file in files {
        let module = module_of(&root, &file);
        if module == ["lib"] || module == ["main"] {
            continue;
        }
        looked_at += 1;
        let source = fs::read_to_string(&file).expect("a source file can be read");
        found.extend(violations(&groups, &module, &source));
    }
    assert!(
        looked_at >= groups.len(),
        "only {looked_at} files were looked at"
    );
    assert!(
        found.is_empty(),
        "the layers are broken:\n{}",
        found.join("\n")
    );
}

#[test]
fn planted_violations_are_caught() {
    let groups = groups(LIB);
    let wire = vec!["wire".to_owned(), "query".to_owned()];
    for planted in [
        "use crate::engine::Engine;",
        "use crate::{catalog::TableName, lane};",
        "pub use crate::runs::*;",
        "use super::super::cli as people;",
        "fn f() { let _ = crate::ledger::Ledger::open(); }",
        "fn f(x: crate::plan::Chunk) {}",
        "fn f() { println!(\"{}\", crate::schema::NAME); }",
        "mod inner { fn f() { super::super::super::endpoint::g(); } }",
    ] {
        assert_eq!(
            violations(&groups, &wire, planted).len(),
            1,
            "not caught: {planted}"
        );
    }
    for allowed in [
        "use crate::sql::literal;",
        "use crate::wire::frame;",
        "use super::frame::Frame;",
        "mod inner { use super::super::frame::Frame; }",
    ] {
        assert_eq!(
            violations(&groups, &wire, allowed),
            Vec::<String>::new(),
            "{allowed}"
        );
    }
    let sibling = vec!["plan".to_owned()];
    assert_eq!(
        violations(&groups, &sibling, "use crate::schema::X;").len(),
        1,
        "siblings"
    );
}

/// What only one place may do: `sql` quotes, `wire` sees sockets, `cli` prints, `main` exits, and
/// only the work and schedule layers and the snapshot keeper start tasks.
#[test]
fn what_one_module_owns_no_other_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let owners: &[(&str, &[&str])] = &[
        ("TcpStream", &["wire"]),
        ("UnixStream", &["wire"]),
        ("println!", &["cli"]),
        ("process::exit", &["main"]),
        ("tokio::spawn", &["lane", "engine", "endpoint"]),
        ("unwrap_unchecked", &[]),
    ];
    let mut found = Vec::new();
    for file in &files {
        let module = module_of(&root, file);
        let source = fs::read_to_string(file).expect("a source file can be read");
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            for (what, allowed) in owners {
                if line.contains(what) && !allowed.contains(&module[0].as_str()) {
                    found.push(format!("{}:{}: {what}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "not theirs to do:\n{}", found.join("\n"));
}
