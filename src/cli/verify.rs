//! `wire9 verify`: whether the target holds the rows of the source, for people or for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::check::Format;
use super::endpoints::EndpointArguments;
use super::reporter::Style;
use super::selection::SelectionArguments;
use super::work::work;
use super::wrap::wrap;
use super::{assessment, errors, exit_codes, loading, settings, units};
use crate::runs::copy::{Asked, Found, Settings, TableFound};
use crate::runs::{self, Error, Exit, check};
use crate::verify::{Culprit, Difference, DifferentRow, Verdict, What};
use crate::wire::Environment;

/// Version of the JSON format.
const FORMAT: &str = "wire9-verify-report/1";

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    endpoints: EndpointArguments,

    #[command(flatten)]
    selection: SelectionArguments,

    /// The target was made by `wire9 migrate`: tables and columns are where it lays them
    /// [default: tables and columns of the same names].
    #[arg(long, help_heading = "Which rows")]
    migrated: bool,

    /// The --map file of that migration; implies --migrated [default: none].
    #[arg(long, value_name = "FILE", help_heading = "Which rows")]
    map: Option<PathBuf>,

    /// Read both sides, also where the ledger knows what was sent [default: read the source only where
    /// it must be].
    #[arg(long, help_heading = "How")]
    both: bool,

    /// Tables, and chunks of a table, that are read at once, 1 to 256 [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "How")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Wrong rows of each table that are shown, by their keys.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        help_heading = "What is shown"
    )]
    show: usize,

    /// Show values of wrong rows, too [default: keys and names of columns].
    #[arg(long, help_heading = "What is shown")]
    show_values: bool,

    /// For people (text) or for programs (json).
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "What is shown"
    )]
    format: Format,

    /// Show no progress; the verdict and errors remain [default: progress on stderr].
    #[arg(long, help_heading = "What is shown")]
    quiet: bool,
}

/// Verifies and shows; answers the exit code.
pub(super) fn verify(typed: &VerifyArguments) -> Exit {
    let asked = match typed.asked(&Environment::of_process()) {
        Ok(asked) => asked,
        Err(error) => return errors::show(&error),
    };
    let found = work(
        Style::of_process(typed.quiet),
        move |surroundings| async move { runs::copy::verify(&asked, &surroundings).await },
    );
    let found = match found {
        Some(Ok(found)) => found,
        Some(Err(error)) => return errors::show(&error),
        None => return Exit::Interrupted,
    };
    let exit = exit(&found);
    let text = match typed.format {
        Format::Text => wrap(&text(&found), super::columns()),
        Format::Json => format!("{:#}\n", json(&found)),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(e) => errors::show(&errors::not_printed("verdict", e)),
    }
}

impl VerifyArguments {
    fn asked(&self, environment: &Environment) -> Result<Asked, Error> {
        let copy = self.copy(environment)?;
        let migrated = (self.migrated || self.map.is_some())
            .then(|| self.check(environment))
            .transpose()?;
        Ok(Asked {
            copy,
            migrated,
            both: self.both,
            shown: self.show,
            values: self.show_values,
        })
    }

    fn copy(&self, environment: &Environment) -> Result<Settings, Error> {
        let plain = loading::plain(&self.endpoints, environment)?;
        Ok(Settings {
            selection: self.selection.selection()?,
            fraction_digits: self.selection.rows.fraction_digits(),
            jobs: settings::jobs(self.jobs, plain.max_memory, settings::cores()),
            allow_triggers: true,
            ..plain
        })
    }

    fn check(&self, environment: &Environment) -> Result<check::Settings, Error> {
        Ok(check::Settings {
            unsupported_source: true,
            ..assessment::settings(&self.endpoints, self.map.as_deref(), environment)?
        })
    }
}

/// Any difference first, then any table that could not be verified.
fn exit(found: &Found) -> Exit {
    let unread = |t: &TableFound| t.checked.is_err();
    if found.tables.iter().any(|t| !is_verified(t) && !unread(t)) {
        Exit::Mismatch
    } else if found.tables.iter().any(|t| t.rejected > 0) {
        Exit::Partial
    } else if found.tables.iter().any(unread) {
        Exit::NotVerified
    } else {
        Exit::Done
    }
}

/// Verified tables that have a line of their own; the JSON has all.
const LISTED: usize = 50;

fn is_verified(table: &TableFound) -> bool {
    let verdict = table.checked.as_ref().ok().map(|checked| &checked.verdict);
    matches!(verdict, Some(Verdict::AsSent | Verdict::Equal))
}

/// What a verification of rows says nothing about.
const NOT_VERIFIED: [&str; 3] = [
    "that rows did not change on either side since they were read",
    "the positions of sequences",
    "indexes, constraints, views, functions and triggers (`wire9 schema` prints what should be there)",
];

fn text(found: &Found) -> String {
    let word = match exit(found) {
        Exit::Done => "VERIFIED",
        Exit::NotVerified => "NOT ALL VERIFIED",
        Exit::Partial => "PARTIAL",
        _ => "MISMATCH",
    };
    let rows: u64 = found
        .tables
        .iter()
        .filter_map(|t| t.checked.as_ref().ok())
        .map(|c| c.rows)
        .sum();
    let mut text = format!(
        "{word}  {} rows in {}, {} s\n\n",
        units::count(rows),
        units::counted(found.tables.len() as u64, "table"),
        units::decimal(found.wall.as_secs_f64()),
    );
    if let Some(run) = &found.run {
        let _ = writeln!(text, "  sums of what was sent: run {run}");
    }
    for table in found.tables.iter().filter(|t| t.rejected > 0) {
        let rows = units::counted(table.rejected, "row");
        let _ = writeln!(
            text,
            "  {}: {rows} of the source rejected by that run, and not there (`wire9 rejects`)",
            table.target
        );
    }
    let (good, bad): (Vec<_>, Vec<_>) = found.tables.iter().partition(|t| is_verified(t));
    for table in bad.iter().chain(good.iter().take(LISTED)) {
        text.push_str(&table_text(table));
    }
    if let Some(more @ 1..) = good.len().checked_sub(LISTED) {
        let _ = writeln!(
            text,
            "  and {} more, verified",
            units::counted(more as u64, "table")
        );
    }
    text.push_str("\nNOT VERIFIED\n");
    for what in NOT_VERIFIED {
        let _ = writeln!(text, "  {what}");
    }
    text
}

fn table_text(table: &TableFound) -> String {
    let checked = match &table.checked {
        Ok(checked) => checked,
        Err(error) => {
            let causes = errors::clean(&crate::lane::chain(error));
            return format!("  {}: NOT VERIFIED: {causes}\n", table.target);
        }
    };
    let rows = units::counted(checked.rows, "row");
    match &checked.verdict {
        Verdict::AsSent => format!("  {}: {rows}, stored as they were sent\n", table.target),
        Verdict::Equal => format!("  {}: {rows}, equal to the source\n", table.target),
        Verdict::Different(difference) => different_text(table, difference),
    }
}

fn different_text(table: &TableFound, difference: &Difference) -> String {
    let mut text = format!(
        "  {}: DIFFERENT: {} in the source, {} in the target; {} missing, {} extra, {} changed\n",
        table.target,
        units::counted(difference.source_rows, "row"),
        units::counted(difference.target_rows, "row"),
        units::count(difference.missing),
        units::count(difference.extra),
        units::count(difference.different),
    );
    let (differing, looked) = difference.buckets;
    if looked < differing {
        let _ = writeln!(
            text,
            "    counted in {looked} of {differing} parts of the table that differ; the rest differs, too"
        );
    }
    let culprit = match difference.culprit {
        Culprit::Target => {
            Some("the source still has what was sent: the target stores something else")
        }
        Culprit::Source => Some("the source has other rows now than were sent"),
        Culprit::Unknown => None,
    };
    if let Some(culprit) = culprit {
        let _ = writeln!(text, "    {culprit}");
    }
    for row in &difference.rows {
        let _ = writeln!(text, "    {}", row_text(row));
    }
    let all = difference.missing + difference.extra + difference.different;
    let more = all.saturating_sub(difference.rows.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "    and {} more (--show N)", units::count(more));
    }
    text
}

fn word(what: What) -> &'static str {
    match what {
        What::Missing => "missing",
        What::Extra => "extra",
        What::Different => "changed",
    }
}

fn row_text(row: &DifferentRow) -> String {
    let key = match &row.key {
        Some(key) => {
            let parts = key.iter().map(|(name, value)| {
                format!(
                    "{} = {}",
                    crate::catalog::readable(name),
                    errors::clean(value)
                )
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        None => "a row without a key".to_owned(),
    };
    let mut text = format!("{}: {key}", word(row.what));
    if !row.columns.is_empty() {
        let columns: Vec<String> = row
            .columns
            .iter()
            .map(|c| crate::catalog::readable(c))
            .collect();
        let _ = write!(text, ": {}", columns.join(", "));
    }
    for (name, source, target) in &row.values {
        let side = |value: &Option<String>| {
            value
                .as_deref()
                .map_or_else(|| "-".to_owned(), errors::clean)
        };
        let name = crate::catalog::readable(name);
        let _ = write!(text, "; {name}: {} → {}", side(source), side(target));
    }
    text
}

fn json(found: &Found) -> Value {
    let exit = exit(found);
    json!({
        "format": FORMAT,
        "wire9_version": env!("CARGO_PKG_VERSION"),
        "exit_code": exit as u8,
        "exit_meaning": exit_codes::meaning(exit),
        "run": found.run,
        "seconds": found.wall.as_secs_f64(),
        "tables": found.tables.iter().map(table_json).collect::<Vec<_>>(),
        "not_verified": NOT_VERIFIED,
        "notes": found.notes,
    })
}

fn table_json(table: &TableFound) -> Value {
    let sources: Vec<String> = table.sources.iter().map(ToString::to_string).collect();
    let mut value = json!({
        "target": table.target.to_string(), "sources": sources, "rejected": table.rejected,
    });
    match &table.checked {
        Err(error) => {
            value["verdict"] = "not verified".into();
            value["error"] = errors::clean(&crate::lane::chain(error)).into();
        }
        Ok(checked) => {
            value["rows"] = checked.rows.into();
            match &checked.verdict {
                Verdict::AsSent => value["verdict"] = "as sent".into(),
                Verdict::Equal => value["verdict"] = "equal".into(),
                Verdict::Different(difference) => {
                    value["verdict"] = "different".into();
                    value["difference"] = difference_json(difference);
                }
            }
        }
    }
    value
}

fn difference_json(difference: &Difference) -> Value {
    let culprit = match difference.culprit {
        Culprit::Target => "target",
        Culprit::Source => "source",
        Culprit::Unknown => "unknown",
    };
    let rows = difference.rows.iter().map(|row| {
        json!({
            "what": word(row.what),
            "key": row.key.as_ref().map(|key| key.iter().cloned().collect::<BTreeMap<_, _>>()),
            "columns": row.columns,
            "values": row.values.iter().map(|(name, source, target)| json!({
                "column": name, "source": source, "target": target,
            })).collect::<Vec<_>>(),
        })
    });
    json!({
        "source_rows": difference.source_rows,
        "target_rows": difference.target_rows,
        "missing": difference.missing,
        "extra": difference.extra,
        "changed": difference.different,
        "parts_that_differ": difference.buckets.0,
        "parts_counted": difference.buckets.1,
        "culprit": culprit,
        "rows": rows.collect::<Vec<_>>(),
    })
}
