//! What `--dry-run` prints: the plan, and that nothing was written.

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::errors::clean;
use super::units;
use super::verdict::section;
use crate::runs::copy::{Outcome, PlannedTable};

/// Tables that are shown, the largest.
const LARGEST: usize = 100;

/// The plan as text.
pub(super) fn text(outcome: &Outcome) -> String {
    let plan = &outcome.plan;
    let rows = plan.iter().map(|t| t.rows).sum();
    let bytes = plan.iter().map(|t| t.bytes).sum();
    let mut text = format!(
        "PLAN  {}, about {} and {}; nothing was written\n",
        units::counted(plan.len() as u64, "table"),
        units::counted(rows, "row"),
        units::size(bytes),
    );
    section(&mut text, "", &endpoints(outcome));
    if !plan.is_empty() {
        text.push('\n');
        text.push_str(&grid(plan));
    }
    section(&mut text, "CONDITIONS", &conditions(plan));
    section(&mut text, "WHAT WILL BE LOST OR CHANGED", &transforms(plan));
    section(&mut text, "NOT COPIED", &problems(outcome));
    let notes: Vec<String> = outcome.notes.iter().map(|n| clean(n)).collect();
    section(&mut text, "NOTES", &notes);
    text
}

fn endpoints(o: &Outcome) -> Vec<String> {
    vec![
        format!("source  {}  {}", clean(&o.source), clean(&o.source_server)),
        format!("target  {}  {}", clean(&o.target), clean(&o.target_server)),
    ]
}

fn grid(plan: &[PlannedTable]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["table", "into", "rows ~", "MB ~", "chunks", "cut by"]);
    for t in plan.iter().take(LARGEST) {
        let into = match t.source == t.target {
            true => "same name".to_owned(),
            false => clean(&t.target),
        };
        table.add_row([
            Cell::new(clean(&t.source)),
            Cell::new(into),
            right(units::count(t.rows)),
            right(units::megabytes(units::per_second(t.bytes, 1.0))),
            right(units::count(t.chunks as u64)),
            Cell::new(t.split),
        ]);
    }
    let mut lines: Vec<String> = table
        .lines()
        .map(|line| format!(" {}", line.trim_end()))
        .collect();
    if let Some(hidden @ 1..) = plan.len().checked_sub(LARGEST) {
        let hidden = units::counted(hidden as u64, "smaller table");
        lines.push(format!("  and {hidden}, not shown (--report has them all)"));
    }
    lines.push("  ~ is estimated; MB is 10^6 bytes as stored, TOAST included.\n".to_owned());
    lines.join("\n")
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn conditions(plan: &[PlannedTable]) -> Vec<String> {
    plan.iter()
        .filter_map(|t| {
            let condition = t.condition.as_deref()?;
            Some(format!(
                "{}: only rows where {}",
                clean(&t.source),
                clean(condition)
            ))
        })
        .collect()
}

fn transforms(plan: &[PlannedTable]) -> Vec<String> {
    plan.iter()
        .flat_map(|t| t.transforms.iter().map(move |transform| (t, transform)))
        .map(|(t, transform)| format!("{}, column {}", clean(&t.target), clean(transform)))
        .collect()
}

fn problems(outcome: &Outcome) -> Vec<String> {
    outcome
        .tables
        .iter()
        .filter_map(|t| {
            let problem = t.problem.as_deref()?;
            Some(format!("{}: {}", clean(&t.source), clean(problem)))
        })
        .collect()
}
