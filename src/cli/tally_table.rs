//! The table per table of the verdict.

use comfy_table::{Cell, CellAlignment, Table, presets};
use console::{measure_text_width, truncate_str};

use super::errors::clean;
use super::judge::{self, Identity};
use super::units;
use crate::runs::copy::{How, TableVerdict};

/// Tables that are shown whatever became of them: the largest.
const LARGEST: usize = 40;

/// Tables that are shown for what became of them.
const TROUBLED: usize = 100;

const UNITS: &str =
    "  MB is 10^6 bytes of COPY text as read; p50 and p99 are of the answers to COMMIT; source, \
    rewrite, target: share of time waiting on the source, rewriting, waiting on the target.
";

const MARKS: &str = "  !! source and target differ, ! left or not counted: see below.\n";

/// A column: its header and how a table fills it.
struct Column {
    header: &'static str,
    cell: fn(&TableVerdict) -> String,
}

const ROWS: &[Column] = &[
    Column {
        header: "rows",
        cell: |t| units::count(t.loaded),
    },
    Column {
        header: "MB",
        cell: |t| units::megabytes(per_second(t.tally.read_bytes, 1.0)),
    },
    Column {
        header: "s",
        cell: |t| units::decimal(t.tally.seconds()),
    },
    Column {
        header: "MB/s",
        cell: |t| units::megabytes(per_second(t.tally.read_bytes, t.tally.seconds())),
    },
    Column {
        header: "rows/s",
        cell: |t| units::whole(per_second(t.tally.rows, t.tally.seconds())),
    },
    Column {
        header: "cut",
        cell: |t| {
            units::count(
                t.cut
                    .iter()
                    .filter(|c| c.how == How::Cut)
                    .map(|c| c.values)
                    .sum(),
            )
        },
    },
];

const TIMES: &[Column] = &[
    Column {
        header: "batches",
        cell: |t| units::count(t.tally.batches),
    },
    Column {
        header: "p50 ms",
        cell: |t| commit(t, 0.50),
    },
    Column {
        header: "p99 ms",
        cell: |t| commit(t, 0.99),
    },
    Column {
        header: "source",
        cell: |t| units::percent(t.tally.waits.source, reader_time(t)),
    },
    Column {
        header: "rewrite",
        cell: |t| units::percent(t.tally.waits.rewrite, reader_time(t)),
    },
    Column {
        header: "target",
        cell: |t| units::percent(t.tally.waits.full, reader_time(t)),
    },
];

fn per_second(amount: u64, seconds: f64) -> f64 {
    units::per_second(amount, seconds)
}

fn commit(t: &TableVerdict, quantile: f64) -> String {
    if t.tally.commit.is_empty() {
        return "-".to_owned();
    }
    units::decimal(per_second(
        t.tally.commit.value_at_quantile(quantile),
        1000.0,
    ))
}

/// The reading side of the lanes does one of three things at any time: it waits for the source, it
/// rewrites, or it waits until the target has taken a batch. The shares add up to 100.
fn reader_time(t: &TableVerdict) -> std::time::Duration {
    t.tally.waits.source + t.tally.waits.rewrite + t.tally.waits.full
}

/// The table, in one piece where it fits `width` columns, else in two.
pub(super) fn text(tables: &[TableVerdict], width: Option<usize>) -> String {
    let shown = shown(tables);
    let all: Vec<&Column> = ROWS.iter().chain(TIMES).collect();
    let mut lines = grid(&shown, &all, width);
    if width.is_some_and(|width| lines.iter().any(|line| measure_text_width(line) > width)) {
        lines = grid(&shown, &ROWS.iter().collect::<Vec<_>>(), width);
        lines.push(String::new());
        lines.extend(grid(&shown, &TIMES.iter().collect::<Vec<_>>(), width));
    }
    let hidden = tables.len() - shown.len();
    if hidden > 0 {
        let hidden = units::counted(hidden as u64, "smaller table");
        lines.push(format!("  and {hidden}, not shown (--report has them all)"));
    }
    let marked = shown.iter().any(|t| judge::table(t) != Identity::Holds);
    lines.join("\n") + "\n" + UNITS + if marked { MARKS } else { "" }
}

/// The largest, and those with problems.
fn shown(tables: &[TableVerdict]) -> Vec<&TableVerdict> {
    let (largest, rest) = tables.split_at(tables.len().min(LARGEST));
    let troubled = rest.iter().filter(|t| judge::table(t) != Identity::Holds);
    largest.iter().chain(troubled.take(TROUBLED)).collect()
}

fn grid(tables: &[&TableVerdict], columns: &[&Column], width: Option<usize>) -> Vec<String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let headers = columns.iter().map(|column| right(column.header.to_owned()));
    table.set_header(std::iter::once(Cell::new("table")).chain(headers));
    for t in tables {
        let cells = columns.iter().map(|column| right((column.cell)(t)));
        table.add_row(std::iter::once(Cell::new(name(t, width))).chain(cells));
    }
    table
        .lines()
        .map(|line| format!(" {}", line.trim_end()))
        .collect()
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// The source's name; where the terminal is narrow it is cut (the sections have it in full).
fn name(t: &TableVerdict, width: Option<usize>) -> String {
    let mark = match judge::table(t) {
        Identity::Holds => "",
        Identity::Broken => "!! ",
        Identity::Unknown | Identity::Left => "! ",
    };
    let name = format!("{mark}{}", clean(&t.source));
    match width {
        Some(width) => truncate_str(&name, (width / 3).max(20), "…").into_owned(),
        None => name,
    }
}
