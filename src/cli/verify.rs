//! `wire9 verify`: whether the target holds the rows of the source, for people or for programs.

mod beside;
mod repair;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::check::Format;
use super::endpoints::EndpointArguments;
use super::reporter::Style;
use super::resources::Resources;
use super::selection::SelectionArguments;
use super::stall::StallArguments;
use super::work::work;
use super::wrap::wrap;
use super::{assessment, errors, exit_codes, loading, settings, units};
use crate::runs::copy::Settings;
use crate::runs::verify::{Asked, Found, Level, TableFound};
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
    stall: StallArguments,

    #[command(flatten)]
    selection: SelectionArguments,

    /// The target was made by `wire9 migrate`: tables and columns are where it lays them
    /// [default: where the target's ledger says so; else tables and columns of the same names].
    #[arg(long, help_heading = "Which rows")]
    migrated: bool,

    /// The --map file of that migration; implies --migrated [default: none].
    #[arg(long, value_name = "FILE", help_heading = "Which rows")]
    map: Option<PathBuf>,

    /// Read both sides, also where the ledger knows what was sent [default: read the source only where
    /// it must be].
    #[arg(long, help_heading = "How")]
    both: bool,

    /// How deep to look: `count` counts rows, `digest` compares sums of them, `full` finds the rows and columns
    /// that differ.
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "full",
        help_heading = "How"
    )]
    level: LevelArgument,

    /// Look only at this share of each table's rows, in per cent, 1 to 99, as ranges of its key; tables that
    /// have no key that both sides order alike are read as a whole [default: all rows].
    #[arg(long, value_name = "PCT", help_heading = "How")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=99))]
    sample: Option<u8>,

    /// Read at most so many bytes a second, both sides together: a number, or one with kB, MB or MiB
    /// [default: as fast as it goes].
    #[arg(long, value_name = "BYTES", help_heading = "How")]
    #[arg(value_parser = units::parse_size)]
    max_rate: Option<u64>,

    /// Read rows that differ again for so many seconds, until they agree: for a source that is written to
    /// meanwhile; 0 to 86400.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        help_heading = "How"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
    reread_for: u64,

    #[command(flatten)]
    repair: repair::RepairArguments,

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

/// `--level`
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelArgument {
    Count,
    Digest,
    Full,
}

impl From<LevelArgument> for Level {
    fn from(level: LevelArgument) -> Self {
        match level {
            LevelArgument::Count => Self::Count,
            LevelArgument::Digest => Self::Digest,
            LevelArgument::Full => Self::Full,
        }
    }
}

/// Verifies and shows; answers the exit code.
pub(super) fn verify(typed: &VerifyArguments) -> Exit {
    let asked = match typed.asked(&Environment::of_process()) {
        Ok(asked) => asked,
        Err(error) => return errors::show(&error),
    };
    let found = work(
        Style::of_process(typed.quiet),
        move |surroundings| async move { runs::verify::verify(&asked, &surroundings).await },
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
        Ok(Asked {
            copy,
            migrated: self.migrated || self.map.is_some(),
            check: self.check(environment)?,
            both: self.both,
            level: self.level.into(),
            sample: self.sample,
            max_rate: self.max_rate,
            reread: Duration::from_secs(self.reread_for),
            shown: self.show,
            values: self.show_values,
            repair: self.repair.asked(),
        })
    }

    fn copy(&self, environment: &Environment) -> Result<Settings, Error> {
        let plain = loading::plain(&self.endpoints, environment)?;
        Ok(Settings {
            selection: self.selection.selection()?,
            fraction_digits: self.selection.rows.fraction_digits(),
            jobs: settings::jobs(self.jobs, plain.max_memory, settings::cores()),
            allow_triggers: true,
            stall_after: self.stall.limit(),
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

/// Any difference first, then anything that could not be verified.
fn exit(found: &Found) -> Exit {
    let unread = |t: &TableFound| t.checked.is_err();
    let different = found.tables.iter().any(|t| !is_verified(t) && !unread(t));
    if different || beside::problems(found).next().is_some() {
        Exit::Mismatch
    } else if found.tables.iter().any(|t| t.rejected > 0) {
        Exit::Partial
    } else if found.tables.iter().any(unread) || !beside::gaps(found).is_empty() {
        Exit::NotVerified
    } else {
        Exit::Done
    }
}

/// Verified tables that have a line of their own; the JSON has all.
const LISTED: usize = 50;

fn is_verified(table: &TableFound) -> bool {
    let verdict = table.checked.as_ref().ok().map(|checked| &checked.verdict);
    matches!(
        verdict,
        Some(Verdict::AsSent | Verdict::Equal | Verdict::Counted)
    )
}

fn text(found: &Found) -> String {
    let word = match exit(found) {
        Exit::Done if repair::any(found) => "REPAIRED",
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
    if let Some(run) = &found.unfinished {
        let _ = writeln!(
            text,
            "  run {run} is unfinished: its tables have rows still to come, which count as missing; \
             `wire9 status` shows which"
        );
    }
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
        text.push_str(&repair::text(table.repaired.as_ref()));
    }
    if let Some(more @ 1..) = good.len().checked_sub(LISTED) {
        let _ = writeln!(
            text,
            "  and {} more, verified",
            units::counted(more as u64, "table")
        );
    }
    text.push_str(&beside::text(found));
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
        Verdict::Counted => format!("  {}: {rows}, as many as in the source\n", table.target),
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
        Culprit::Rewriter => Some(
            "the source still has what was read, but it is rewritten into something else than was sent: \
             a fault of wire9, or another version of it",
        ),
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
    let used = Resources::of_process();
    json!({
        "format": FORMAT,
        "wire9_version": env!("CARGO_PKG_VERSION"),
        "exit_code": exit as u8,
        "exit_meaning": exit_codes::meaning(exit),
        "run": found.run,
        "unfinished": found.unfinished,
        "seconds": found.wall.as_secs_f64(),
        "peak_rss_bytes": used.peak_rss,
        "cpu_seconds": used.cpu_seconds,
        "tables": found.tables.iter().map(table_json).collect::<Vec<_>>(),
        "beside": beside::json(found),
        "not_verified": beside::gaps(found).iter().map(beside::gap_json).collect::<Vec<_>>(),
        "not_looked_at": beside::out_of_scope(found),
        "notes": found.notes,
    })
}

fn table_json(table: &TableFound) -> Value {
    let sources: Vec<String> = table.sources.iter().map(ToString::to_string).collect();
    let mut value = json!({
        "target": table.target.to_string(),
        "sources": sources,
        "sampled": table.sampled,
        "rejected": table.rejected,
    });
    value["repair"] = repair::json(table.repaired.as_ref());
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
                Verdict::Counted => value["verdict"] = "counted".into(),
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
        Culprit::Rewriter => "rewriter",
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
