//! Rejected rows for people and programs: counts, names and positions, never a value.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::errors::clean;
use crate::cli::units;
use crate::lane::rejects::{By, Counts, Listed, Record, Why};
use crate::runs::rejects::{Outcome, Replayed};
use crate::sql;

const FORMAT: &str = "wire9-rejects-list/1";

pub(super) fn list(listed: &[Listed]) -> String {
    let with_rows: Vec<&Listed> = listed.iter().filter(|file| file.rows > 0).collect();
    if with_rows.is_empty() {
        return "no rejected rows\n".to_owned();
    }
    let rows = with_rows.iter().map(|file| file.rows).sum();
    let tables = units::counted(with_rows.len() as u64, "file");
    let mut text = format!("{} in {tables}\n", units::counted(rows, "rejected row"));
    for file in with_rows {
        let source = clean(&file.header.source.to_string());
        let _ = writeln!(text, "\n{source}: {}", units::counted(file.rows, "row"));
        for line in reasons(&file.counts) {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "  {}", clean(&load(file)));
    }
    text
}

/// What psql takes.
fn load(file: &Listed) -> String {
    let header = &file.header;
    let columns: Vec<String> = header.columns.iter().map(|c| sql::identifier(c)).collect();
    format!(
        "\\copy {} ({}) from {}",
        header.target.quoted(),
        columns.join(", "),
        sql::literal(&file.copy.display().to_string())
    )
}

/// `3 rows  23514  constraint positive`, most rows first.
fn reasons(counts: &Counts) -> Vec<String> {
    let mut all: Vec<_> = counts.iter().collect();
    all.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
    all.into_iter()
        .map(|(why, rows)| format!("{}  {}", units::counted(*rows, "row"), in_words(why)))
        .collect()
}

fn in_words(why: &Why) -> String {
    let mut text = clean(&why.sqlstate);
    if let Some(constraint) = &why.constraint {
        let _ = write!(text, "  constraint {}", clean(constraint));
    }
    if let Some(column) = &why.column {
        let _ = write!(text, "  column {}", clean(column));
    }
    text
}

pub(super) fn list_json(listed: &[Listed]) -> Value {
    let reason = |(why, rows): (&Why, &u64)| {
        json!({
            "sqlstate": why.sqlstate,
            "constraint": why.constraint,
            "column": why.column,
            "rows": rows,
        })
    };
    let file = |file: &Listed| {
        json!({
            "run": file.header.run,
            "source": file.header.source.to_string(),
            "target": file.header.target.to_string(),
            "columns": file.header.columns,
            "file": file.copy.display().to_string(),
            "rows": file.rows,
            "reasons": file.counts.iter().map(reason).collect::<Vec<_>>(),
        })
    };
    let files: Vec<Value> = listed.iter().map(file).collect();
    json!({ "format": FORMAT, "files": files })
}

pub(super) fn record(record: &Record) -> String {
    let by = match record.by {
        By::Target => "",
        By::Source => "  (not sent by the source)",
        By::Wire9 => "  (not sent)",
    };
    let why = Why {
        sqlstate: record.sqlstate.clone(),
        constraint: record.constraint.clone(),
        column: record.column.clone(),
    };
    format!(
        "{}  chunk {}  row {}  {}{by}\n",
        clean(&record.table),
        record.chunk,
        record.row,
        in_words(&why)
    )
}

pub(super) fn record_json(record: &Record) -> String {
    format!("{}\n", json!(record))
}

pub(super) fn outcome(outcome: &Outcome) -> String {
    let Some(run) = &outcome.run else {
        return "DONE  no rejected rows\n".to_owned();
    };
    let sum = |of: fn(&Replayed) -> u64| outcome.tables.iter().map(of).sum::<u64>();
    let (loaded, remaining) = (sum(|t| t.loaded), sum(|t| t.remaining));
    let word = match (outcome.interrupted, remaining) {
        (_, 0) => "DONE",
        (true, _) => "INTERRUPTED",
        (false, _) => "PARTIAL",
    };
    let mut text = format!(
        "{word}  {} loaded, {} still rejected, {} s\n\n  run {}\n",
        units::counted(loaded, "row"),
        units::count(remaining),
        units::decimal(outcome.wall.as_secs_f64()),
        clean(run),
    );
    for table in &outcome.tables {
        let _ = write!(
            text,
            "  {}: {} loaded, {} still rejected",
            clean(&table.source.to_string()),
            units::count(table.loaded),
            units::count(table.remaining),
        );
        if table.missing > 0 {
            let _ = write!(
                text,
                " ({} of them in no file)",
                units::count(table.missing)
            );
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::catalog::TableName;
    use crate::lane::rejects::{FORMAT, Header};

    fn listed() -> Listed {
        let reason = |code: &str, constraint: Option<&str>| Why {
            sqlstate: code.to_owned(),
            constraint: constraint.map(str::to_owned),
            column: None,
        };
        Listed {
            header: Header {
                format: FORMAT.to_owned(),
                run: "r".to_owned(),
                source: TableName::new("public", "orders"),
                target: TableName::new("public", "Orders"),
                columns: vec!["id".to_owned(), "a b".to_owned()],
            },
            copy: PathBuf::from("rejects/public.orders.copy"),
            rows: 4,
            counts: [
                (reason("22P02", None), 1),
                (reason("23514", Some("positive")), 3),
            ]
            .into(),
        }
    }

    #[test]
    fn a_list_counts_by_reason_and_says_how_to_load_by_hand() {
        assert_eq!(
            list(&[listed()]),
            "4 rejected rows in 1 file\n\npublic.orders: 4 rows\n  3 rows  23514  constraint positive\n\
             \x20 1 row  22P02\n  \\copy \"public\".\"Orders\" (\"id\", \"a b\") from \
             'rejects/public.orders.copy'\n"
        );
        assert_eq!(list(&[]), "no rejected rows\n");
        assert_eq!(list_json(&[listed()])["files"][0]["reasons"][1]["rows"], 3);
    }

    #[test]
    fn a_replay_says_what_remains() {
        let outcome = outcome(&Outcome {
            run: Some("r".to_owned()),
            tables: vec![Replayed {
                source: TableName::new("public", "orders"),
                loaded: 3,
                remaining: 2,
                missing: 1,
            }],
            interrupted: false,
            wall: Duration::from_secs(1),
        });
        assert!(
            outcome.starts_with("PARTIAL  3 rows loaded, 2 still rejected"),
            "{outcome}"
        );
        assert!(
            outcome.contains("public.orders: 3 loaded, 2 still rejected (1 of them in no file)")
        );
    }
}
