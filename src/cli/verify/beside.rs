//! What a verification found besides rows, and what it did not look at.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::{errors, units};
use crate::runs::verify::{Fact, Found, Gap, Level};

/// Objects with something wrong, and gaps, that have a line of their own; the JSON has all.
const LISTED: usize = 50;

/// What is wrong besides rows.
pub(super) fn problems(found: &Found) -> impl Iterator<Item = (&Fact, &str)> {
    let facts = found.beside.facts.iter();
    facts.filter_map(|fact| Some((fact, fact.problem.as_deref()?)))
}

/// What was asked for and was not verified.
pub(super) fn gaps(found: &Found) -> Vec<Gap> {
    let of_tables = found.tables.iter().filter_map(|table| {
        let why = match &table.checked {
            Err(error) => crate::lane::chain(error),
            Ok(_) if table.sampled => "they are not in the sample".to_owned(),
            Ok(_) => return None,
        };
        let what = match table.sampled {
            true => format!("rows of table {}", table.target),
            false => format!("table {}", table.target),
        };
        Some(Gap { what, why })
    });
    of_tables.chain(found.beside.gaps.iter().cloned()).collect()
}

/// What a verification does not look at.
pub(super) fn out_of_scope(found: &Found) -> Vec<&'static str> {
    let mut out = vec!["whether rows have changed on either side since they were read"];
    match found.level {
        Level::Count => out.push("the values of rows (--level count)"),
        Level::Digest => out.push("which rows differ (--level digest)"),
        Level::Full => {}
    }
    if found.migrated {
        out.push("definitions of extensions, types and triggers, comments, privileges");
    } else {
        out.push("the positions of sequences, which a copy leaves alone (--migrated)");
        out.push("indexes, constraints, views, functions and triggers (--migrated)");
    }
    out
}

/// Everything below the tables.
pub(super) fn text(found: &Found) -> String {
    let mut text = String::new();
    let problems: Vec<_> = problems(found).collect();
    for (fact, problem) in problems.iter().take(LISTED) {
        let _ = writeln!(text, "  {}: DIFFERENT: {problem}", fact.object);
    }
    more(&mut text, problems.len());
    let held = found.beside.facts.len() - problems.len();
    if held > 0 {
        let objects = units::counted(held as u64, "object");
        let _ = writeln!(text, "  {objects} besides tables: verified");
    }
    let gaps = gaps(found);
    if !gaps.is_empty() {
        text.push_str("\nNOT VERIFIED\n");
        for gap in gaps.iter().take(LISTED) {
            let why = errors::clean(&gap.why);
            let _ = writeln!(text, "  {}: {why}", gap.what);
        }
        more(&mut text, gaps.len());
    }
    text.push_str("\nNOT LOOKED AT\n");
    for what in out_of_scope(found) {
        let _ = writeln!(text, "  {what}");
    }
    text
}

fn more(text: &mut String, all: usize) {
    if let Some(more @ 1..) = all.checked_sub(LISTED) {
        let _ = writeln!(text, "  and {} more", units::count(more as u64));
    }
}

/// The objects.
pub(super) fn json(found: &Found) -> Vec<Value> {
    let object = |fact: &Fact| json!({ "object": fact.object, "problem": fact.problem });
    found.beside.facts.iter().map(object).collect()
}

/// One thing that was not verified.
pub(super) fn gap_json(gap: &Gap) -> Value {
    json!({ "what": gap.what, "why": errors::clean(&gap.why) })
}
