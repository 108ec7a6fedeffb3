//! `wire9 verify`: whether the target holds the rows of the source, for people or for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::arguments::FractionDigits;
use super::check::{Format, mapping, profile};
use super::reporter::Style;
use super::work::work;
use super::wrap::wrap;
use super::{errors, exit_codes, settings, units};
use crate::runs::copy::{Asked, Found, OnExisting, Settings, TableFound};
use crate::runs::{self, Error, Exit, check};
use crate::schema::Selection;
use crate::schema::convert::Wishes;
use crate::verify::{Culprit, Difference, DifferentRow, Verdict, What};
use crate::wire::{ConnectOptions, Environment};

/// Version of the JSON format.
const FORMAT: &str = "wire9-verify-report/1";

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// PostgreSQL endpoint, the source: a URI or a libpq key=value string.
    #[arg(
        long,
        value_name = "URI",
        env = "WIRE9_POSTGRES",
        hide_env_values = true
    )]
    #[arg(help_heading = "Endpoints")]
    postgres: String,

    /// DB9 endpoint, the target: a URI or a libpq key=value string [sslmode: require where not said].
    #[arg(long, value_name = "URI", env = "WIRE9_DB9", hide_env_values = true)]
    #[arg(help_heading = "Endpoints")]
    db9: String,

    /// Shell command whose first line of output is the PostgreSQL password; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    postgres_password_command: Option<String>,

    /// Shell command whose first line of output is the DB9 password or token; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    db9_password_command: Option<String>,

    /// Profile of the target (TOML, as `wire9 probe` prints it), whose fields override what is probed
    /// [default: none].
    #[arg(long, value_name = "FILE", help_heading = "Endpoints")]
    profile: Option<PathBuf>,

    /// Seconds that a silent server is waited for, 1 to 86400.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        help_heading = "Endpoints"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    io_timeout: u64,

    /// Verify only tables of schemas that match this pattern; repeatable [default: all schemas].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    schema: Vec<String>,

    /// Verify only tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: all tables].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    table: Vec<String>,

    /// Leave out tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: none].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    exclude_table: Vec<String>,

    /// This table was copied without its inheritance children; repeatable [default: none].
    #[arg(long, value_name = "TABLE", help_heading = "Which rows")]
    only: Vec<String>,

    /// Only rows for which the SQL expression holds were copied; repeatable [default: all rows].
    #[arg(long = "where", value_name = "TABLE=EXPR", help_heading = "Which rows")]
    condition: Vec<String>,

    /// Fraction digits of a second that timestamps were cut to, `auto` or 0 to 6; auto is what the
    /// target keeps.
    #[arg(
        long,
        value_name = "auto|0..6",
        default_value = "auto",
        help_heading = "Which rows"
    )]
    #[arg(value_parser = settings::fraction_digits)]
    fraction_digits: FractionDigits,

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
        let command = self.postgres_password_command.as_deref();
        let source = settings::postgres(&self.postgres, command, environment)?;
        let command = self.db9_password_command.as_deref();
        let target = settings::db9(&self.db9, command, environment)?;
        let copy = self.copy(source, target)?;
        let migrated = (self.migrated || self.map.is_some())
            .then(|| self.check(&copy))
            .transpose()?;
        Ok(Asked {
            copy,
            migrated,
            both: self.both,
            shown: self.show,
            values: self.show_values,
        })
    }

    fn copy(
        &self,
        mut source: ConnectOptions,
        mut target: ConnectOptions,
    ) -> Result<Settings, Error> {
        let io_timeout = Duration::from_secs(self.io_timeout);
        source.set_reply_timeout(io_timeout);
        target.set_reply_timeout(io_timeout);
        let max_memory = 96 << 20;
        Ok(Settings {
            source,
            target,
            selection: self.selection()?,
            mapped: None,
            profile: self.profile.as_deref().map(profile).transpose()?,
            fraction_digits: self.fraction_digits.0,
            jobs: settings::jobs(self.jobs, max_memory, settings::cores()),
            max_memory,
            io_timeout,
            retry_for: io_timeout,
            stall_after: None,
            restart: false,
            on_existing: OnExisting::Fail,
            allow_triggers: true,
            require_quiet: false,
            dry_run: false,
            target_search_path: None,
            report: None,
        })
    }

    fn check(&self, copy: &Settings) -> Result<check::Settings, Error> {
        Ok(check::Settings {
            source: copy.source.clone(),
            target: Some(copy.target.clone()),
            profile: copy.profile.clone(),
            mapping: self
                .map
                .as_deref()
                .map_or_else(|| Ok(Default::default()), mapping)?,
            wishes: Wishes::default(),
            deep: false,
            jobs: 1,
            unsupported_source: true,
            accepted: Default::default(),
            io_timeout: copy.io_timeout,
        })
    }

    fn selection(&self) -> Result<Selection, Error> {
        settings::named("--schema", &self.schema)?;
        settings::named("--table", &self.table)?;
        settings::named("--exclude-table", &self.exclude_table)?;
        settings::named("--only", &self.only)?;
        let conditions = self.condition.iter().map(|c| settings::condition(c));
        Ok(Selection {
            schemas: self.schema.clone(),
            tables: self.table.clone(),
            exclude: self.exclude_table.clone(),
            conditions: conditions.collect::<Result<_, _>>()?,
            only: self.only.clone(),
        })
    }
}

/// Any difference first, then any table that could not be verified.
fn exit(found: &Found) -> Exit {
    let unread = |t: &TableFound| t.checked.is_err();
    if found.tables.iter().any(|t| !is_verified(t) && !unread(t)) {
        Exit::Mismatch
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
    let mut value = json!({ "target": table.target.to_string(), "sources": sources });
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
