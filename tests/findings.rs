//! docs/findings.md lists every kind of finding: its table is made from the program's own list, so that
//! it can not rot. `WIRE9_WRITE=1 cargo test --test findings` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use wire9::schema::finding::{Kind, Severity, kinds};

const BEGIN: &str = "<!-- kinds: written by WIRE9_WRITE=1 cargo test --test findings -->\n";
const END: &str = "<!-- end of kinds -->";

#[test]
fn the_documentation_lists_every_kind_of_finding() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let text = fs::read_to_string(&path).expect("docs/findings.md can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the list has a beginning");
    let (listed, after) = rest.split_once(END).expect("the list has an end");
    let expected = list();
    if std::env::var_os("WIRE9_WRITE").is_some() {
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        fs::write(&path, text).expect("docs/findings.md can be written");
        return;
    }
    assert!(
        listed == expected,
        "docs/findings.md is out of date: WIRE9_WRITE=1 cargo test --test findings"
    );
}

/// A table per severity, the worst first.
fn list() -> String {
    let mut text = String::new();
    for severity in [
        Severity::Blocker,
        Severity::Loss,
        Severity::Change,
        Severity::Note,
    ] {
        let _ = writeln!(text, "\n### `{severity}`\n");
        text.push_str(
            "| id | what it is | what becomes of it | why | what to do |\n|---|---|---|---|---|\n",
        );
        for kind in kinds().into_iter().filter(|kind| kind.severity == severity) {
            text.push_str(&row(kind));
        }
    }
    text + "\n"
}

fn row(kind: &Kind) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
    format!(
        "| `{}` | {} | {} | {} | {} |\n",
        kind.id,
        cell(kind.title),
        cell(kind.happens),
        cell(kind.why),
        cell(kind.remedy),
    )
}
