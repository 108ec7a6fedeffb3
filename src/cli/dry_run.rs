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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::judge::tests::{outcome, table_of};

    /// A plan of two tables.
    pub(in crate::cli) fn plan() -> Vec<PlannedTable> {
        vec![
            PlannedTable {
                source: "public.orders".to_owned(),
                target: "public.orders".to_owned(),
                rows: 1_200_000,
                bytes: 250_000_000,
                chunks: 12,
                split: "ctid ranges",
                transforms: vec!["created_at: cut to 3 fraction digits".to_owned()],
                condition: None,
            },
            PlannedTable {
                source: "public.events_2026".to_owned(),
                target: "public.events".to_owned(),
                rows: 607,
                bytes: 64_000,
                chunks: 1,
                split: "whole",
                transforms: vec![],
                condition: Some("id > 7".to_owned()),
            },
        ]
    }

    #[test]
    fn a_plan_reads_like_this() {
        let mut o = outcome();
        (o.dry_run, o.plan, o.tables) = (true, plan(), vec![table_of("views", 0, 0)]);
        o.tables[0].problem = Some("it is a foreign table".to_owned());
        o.notes = vec!["timestamps keep 3 fraction digits on the target".to_owned()];
        let (text, expected) = (text(&o), include_str!("../../tests/golden/dry_run.txt"));
        assert!(text == expected, "dry_run.txt should be:\n{text}");
    }

    #[test]
    fn a_plan_of_thousands_of_tables_ends_somewhere() {
        let mut o = outcome();
        o.plan = plan().into_iter().cycle().take(1_000).collect();
        let text = text(&o);
        assert!(text.contains("and 900 smaller tables, not shown"), "{text}");
    }
}
