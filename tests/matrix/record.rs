//! `docs/fault-matrix.md`: what the last whole run found, written by that run and never typed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use testenv::Cluster;
use wire9::planted::Mistake;

use crate::series::Lived;
use crate::table::{Cell, Fault, Place, REASONS, Shape, Side, cells, possible};

const MATRIX: [&str; 2] = [
    "<!-- matrix: written by WIRE9_WRITE=1 WIRE9_MATRIX=all cargo test --test matrix -->\n",
    "<!-- end of matrix -->",
];
const PLANTED: [&str; 2] = [
    "<!-- planted: written by WIRE9_WRITE=1 cargo test --features planted --test matrix -->\n",
    "<!-- end of planted -->",
];

/// What is written into a cell of the document.
type Entries = BTreeMap<String, String>;

/// Whether the document is to be written.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os("WIRE9_WRITE").is_some()
}

/// Writes what a whole run found.
pub(crate) fn write_matrix(results: &[Lived], wall: Duration) {
    let red = results.iter().filter(|l| l.repeated.is_err()).count();
    let mut text = format!(
        "\n{}: {} cells, {} survived, {red} red, in {:.0} minutes ({}).\n",
        today(),
        results.len(),
        results.len() - red,
        wall.as_secs_f64() / 60.0,
        machine(),
    );
    text.push_str(&grids(&entries(results)));
    replace(&MATRIX, &text);
}

/// Writes where the matrix turned red for each mistake: the cell, and the first line of what it said.
#[cfg(feature = "planted")]
pub(crate) fn write_planted(found: &[(Mistake, Option<String>)]) {
    let head = "| mistake | the matrix turns red at |\n|---|---|\n";
    let mut text = format!("\n{} ({}).\n\n{head}", today(), machine());
    for (mistake, cell) in found {
        let cell = cell.as_deref().unwrap_or("NOWHERE");
        let _ = writeln!(text, "| `{}` | {cell} |", mistake.name());
    }
    replace(&PLANTED, &text);
}

/// Asserts that the document has a record of every cell, of every reason and of every mistake.
#[track_caller]
pub(crate) fn assert_complete() {
    if is_wanted() {
        return;
    }
    let matrix = section(&MATRIX);
    let read = read_grids(&matrix);
    let grids = grids(&read);
    assert!(
        matrix.ends_with(&grids),
        "docs/fault-matrix.md is not of this matrix: WIRE9_WRITE=1 WIRE9_MATRIX=all cargo test --test matrix"
    );
    for cell in cells() {
        let Cell {
            fault, side, place, ..
        } = cell;
        let entry = read
            .get(&name(side, fault, place))
            .map_or("", String::as_str);
        let survived = |repeated: &str| repeated.parse::<u32>().is_ok();
        assert!(
            entry.split('/').all(survived),
            "{cell}: {entry:?} is no survival"
        );
    }
    let planted = section(&PLANTED);
    for mistake in Mistake::ALL {
        let name = format!("| `{}` | ", mistake.name());
        let cell = planted.lines().find_map(|line| line.strip_prefix(&name));
        let cell = cell.unwrap_or_else(|| panic!("{} is not in the document", mistake.name()));
        let is_cell = cells()
            .iter()
            .any(|c| cell.strip_suffix(" |") == Some(&c.to_string()));
        assert!(is_cell, "{}: {cell} is no cell", mistake.name());
    }
}

/// By fault, side and place: continuations, with keys and without where they differ.
fn entries(results: &[Lived]) -> Entries {
    let mut entries = Entries::new();
    for side in Side::ALL {
        for fault in Fault::ALL {
            for place in Place::ALL {
                let of = |shape| {
                    let cell = Cell {
                        fault,
                        side,
                        place,
                        shape,
                    };
                    let lived = results.iter().find(|l| l.cell == cell)?;
                    let repeated = lived.repeated.as_ref();
                    Some(repeated.map_or("RED".to_owned(), u32::to_string))
                };
                if let (Some(keyed), Some(keyless)) = (of(Shape::Keyed), of(Shape::Keyless)) {
                    let entry = match keyed == keyless {
                        true => keyed,
                        false => format!("{keyed}/{keyless}"),
                    };
                    entries.insert(name(side, fault, place), entry);
                }
            }
        }
    }
    entries
}

fn name(side: Side, fault: Fault, place: Place) -> String {
    format!(
        "{} at {} of the {}",
        fault.name(),
        place.name(),
        side.name()
    )
}

/// A table per side, and the reasons of what is impossible.
fn grids(entries: &Entries) -> String {
    let mut text = String::new();
    for side in Side::ALL {
        let _ = writeln!(text, "\n### Between wire9 and the {}\n", side.name());
        text.push_str(&head());
        for fault in Fault::ALL {
            let of = |place| match possible(fault, side, place) {
                Ok(()) => {
                    let entry = entries.get(&name(side, fault, place));
                    entry.cloned().unwrap_or_else(|| "?".to_owned())
                }
                Err(reason) => letter(reason),
            };
            let row: Vec<String> = Place::ALL.map(of).to_vec();
            let _ = writeln!(text, "| {} | {} |", fault.name(), row.join(" | "));
        }
    }
    text.push_str("\nNot possible:\n\n");
    for reason in REASONS {
        let _ = writeln!(text, "- {}: {reason}", letter(reason));
    }
    text + "\n"
}

fn head() -> String {
    let places = Place::ALL.map(Place::name).join(" | ");
    let lines = "---|".repeat(Place::ALL.len() + 1);
    format!("| | {places} |\n|{lines}\n")
}

fn letter(reason: &str) -> String {
    let index = REASONS.iter().position(|known| *known == reason);
    let letter = ('a'..='z').nth(index.expect("every reason is listed"));
    format!("*{}*", letter.expect("the reasons are few"))
}

/// The entries of the document, by the names of their rows and columns.
fn read_grids(text: &str) -> Entries {
    let mut entries = Entries::new();
    let mut side = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### Between wire9 and the ") {
            side = Side::ALL.into_iter().find(|side| side.name() == name);
        }
        let mut fields = line.split('|').map(str::trim).skip(1);
        let first = fields.next().unwrap_or_default();
        let fault = Fault::ALL.into_iter().find(|fault| fault.name() == first);
        if let (Some(side), Some(fault)) = (side, fault) {
            let cells = Place::ALL.into_iter().zip(fields);
            let possible = cells.filter(|(place, _)| possible(fault, side, *place).is_ok());
            entries.extend(possible.map(|(p, entry)| (name(side, fault, p), entry.to_owned())));
        }
    }
    entries
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/fault-matrix.md")
}

fn document() -> String {
    fs::read_to_string(path()).expect("docs/fault-matrix.md can be read")
}

fn section([begin, end]: &[&str; 2]) -> String {
    let text = document();
    let rest = text
        .split_once(begin)
        .expect("the section has a beginning")
        .1;
    rest.split_once(end)
        .expect("the section has an end")
        .0
        .to_owned()
}

fn replace([begin, end]: &[&str; 2], with: &str) {
    let text = document();
    let (before, rest) = text.split_once(begin).expect("the section has a beginning");
    let (_, after) = rest.split_once(end).expect("the section has an end");
    let text = format!("{before}{begin}{with}{end}{after}");
    fs::write(path(), text).expect("docs/fault-matrix.md can be written");
}

fn today() -> String {
    let database = Cluster::shared().database("clock").expect("a database");
    let date = database.query_value::<String>("SELECT current_date");
    date.expect("the server knows the day")
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores, {}", std::env::consts::ARCH)
}
