//! Arguments as typed → settings as meant, with one clear error for each that makes no sense.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::arguments::{CopyArguments, Existing, FractionDigits};
use super::units;
use crate::runs::copy::{OnExisting, Settings};
use crate::runs::{Error, Exit};
use crate::schema::Selection;
use crate::wire::{ConnectOptions, Endpoint, Environment};

/// A lane keeps two batches (one read, one written), and a batch below the largest frame of the wire
/// (256 KiB) would make each frame a transaction of its own.
const LEAST_MEMORY_PER_JOB: u64 = 2 * 256 * 1024;

/// Fewest lanes where nothing was said: two cores still wait for two servers.
const LEAST_DEFAULT_JOBS: usize = 4;

/// The settings of a copy.
pub(super) fn copy(typed: &CopyArguments, environment: &Environment) -> Result<Settings, Error> {
    let jobs = jobs(typed.jobs, typed.max_memory, cores());
    enough_memory(jobs, typed.max_memory)?;
    let selection = selection(typed)?;
    let profile = typed.profile.as_deref().map(profile).transpose()?;
    let io_timeout = Duration::from_secs(typed.io_timeout);
    let (source, target) = endpoints(typed, io_timeout, environment)?;
    Ok(Settings {
        source,
        target,
        selection,
        mapped: None,
        profile,
        fraction_digits: typed.fraction_digits.0,
        jobs,
        max_memory: typed.max_memory,
        io_timeout,
        retry_for: Duration::from_secs(typed.retry_for),
        stall_after: typed.stall_after.map(Duration::from_secs),
        restart: typed.restart,
        on_existing: on_existing(typed.on_existing),
        allow_triggers: typed.allow_triggers,
        require_quiet: typed.require_quiet,
        dry_run: typed.dry_run,
        target_search_path: typed.target_search_path.clone(),
        report: typed.report.clone(),
    })
}

fn endpoints(
    typed: &CopyArguments,
    reply_timeout: Duration,
    environment: &Environment,
) -> Result<(ConnectOptions, ConnectOptions), Error> {
    let command = typed.postgres_password_command.as_deref();
    let mut source = postgres(&typed.postgres, command, environment)?;
    let command = typed.db9_password_command.as_deref();
    let mut target = db9(&typed.db9, command, environment)?;
    source.set_reply_timeout(reply_timeout);
    target.set_reply_timeout(reply_timeout);
    Ok((source, target))
}

/// The options of the PostgreSQL endpoint.
pub(super) fn postgres(
    uri: &str,
    password_command: Option<&str>,
    environment: &Environment,
) -> Result<ConnectOptions, Error> {
    let mut options = ConnectOptions::parse(uri, Endpoint::Postgres, environment)
        .map_err(|e| connection_string("--postgres", e))?;
    if let Some(command) = password_command {
        options.set_password_command(command);
    }
    Ok(options)
}

/// The options of the DB9 endpoint.
pub(super) fn db9(
    uri: &str,
    password_command: Option<&str>,
    environment: &Environment,
) -> Result<ConnectOptions, Error> {
    let mut options = ConnectOptions::parse(uri, Endpoint::Db9, environment)
        .map_err(|e| connection_string("--db9", e))?;
    if let Some(command) = password_command {
        options.set_password_command(command);
    }
    Ok(options)
}

fn connection_string(
    argument: &str,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error {
        exit: Exit::Usage,
        what: format!("{argument} is not a connection string that can be used"),
        advice: Some(format!(
            "give {argument} a URI, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with every \
             special character of the password percent-encoded"
        )),
        source: Some(Box::new(cause)),
    }
}

fn usage(what: String, advice: String) -> Error {
    Error {
        exit: Exit::Usage,
        what,
        advice: Some(advice),
        source: None,
    }
}

pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Lanes: those asked for, else one per core, but at least four and no more than the memory feeds.
pub(super) fn jobs(asked: Option<u16>, max_memory: u64, cores: usize) -> usize {
    let fed = usize::try_from(max_memory / LEAST_MEMORY_PER_JOB).unwrap_or(usize::MAX);
    asked.map_or_else(
        || cores.min(fed).clamp(LEAST_DEFAULT_JOBS, 256),
        usize::from,
    )
}

/// Lanes where their memory is of no concern.
pub(super) fn lanes(asked: Option<u16>) -> u32 {
    u32::try_from(jobs(asked, u64::MAX, cores())).unwrap_or(256)
}

pub(super) fn enough_memory(jobs: usize, max_memory: u64) -> Result<(), Error> {
    let least = LEAST_MEMORY_PER_JOB.saturating_mul(jobs as u64);
    if max_memory >= least {
        return Ok(());
    }
    let (given, least) = (units::exact_size(max_memory), units::exact_size(least));
    Err(usage(
        format!("--max-memory {given} is too small for {jobs} lanes"),
        format!("give --max-memory at least {least}, or fewer --jobs"),
    ))
}

/// `--fraction-digits`: `auto` or 0 to 6.
pub(super) fn fraction_digits(text: &str) -> Result<FractionDigits, String> {
    match text {
        "auto" => Ok(FractionDigits(None)),
        digit => match digit.parse::<u8>() {
            Ok(digits @ 0..=6) => Ok(FractionDigits(Some(digits))),
            _ => Err("give auto, or a number of digits from 0 to 6".to_owned()),
        },
    }
}

fn on_existing(typed: Existing) -> OnExisting {
    match typed {
        Existing::Fail => OnExisting::Fail,
        Existing::Append => OnExisting::Append,
        Existing::Truncate => OnExisting::Truncate,
    }
}

/// The text of the file of `--profile`.
pub(super) fn profile(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|e| Error {
        exit: Exit::Usage,
        what: format!("--profile {} can not be read", path.display()),
        advice: Some("give the file that `wire9 probe` was printed into".to_owned()),
        source: Some(Box::new(e)),
    })
}

fn selection(typed: &CopyArguments) -> Result<Selection, Error> {
    named("--schema", &typed.schema)?;
    named("--table", &typed.table)?;
    named("--exclude-table", &typed.exclude_table)?;
    named("--only", &typed.only)?;
    Ok(Selection {
        schemas: typed.schema.clone(),
        tables: typed.table.clone(),
        exclude: typed.exclude_table.clone(),
        conditions: typed
            .condition
            .iter()
            .map(|c| condition(c))
            .collect::<Result<_, _>>()?,
        only: typed.only.clone(),
    })
}

/// An empty pattern (an unset shell variable) is never meant.
pub(super) fn named(argument: &str, patterns: &[String]) -> Result<(), Error> {
    if patterns.iter().all(|pattern| !pattern.trim().is_empty()) {
        return Ok(());
    }
    Err(usage(
        format!("{argument} is empty"),
        format!("give {argument} a name or a pattern, or leave it out"),
    ))
}

/// `TABLE=EXPR`, cut at the first `=` outside of a quoted name. Not shown in the error: a condition
/// may hold values.
pub(super) fn condition(text: &str) -> Result<(String, String), Error> {
    let mut quoted = false;
    let cut = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '=' && !quoted
    });
    let (table, expression) = match cut {
        Some((at, _)) => (text[..at].trim(), text[at + 1..].trim()),
        None => ("", ""),
    };
    if table.is_empty() || expression.is_empty() {
        return Err(usage(
            "--where is not TABLE=EXPR".to_owned(),
            "give --where a table, = and an SQL expression: --where 'orders=id > 1000'".to_owned(),
        ));
    }
    Ok((table.to_owned(), expression.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn lanes_default_to_the_cores_but_at_least_four() {
        assert_eq!(jobs(None, 96 * MIB, 1), 4);
        assert_eq!(jobs(None, 96 * MIB, 16), 16);
        assert_eq!(jobs(Some(1), 96 * MIB, 16), 1);
    }

    #[test]
    fn the_default_never_asks_for_more_memory_than_there_is() {
        let jobs = jobs(None, 96 * MIB, 1000);
        assert_eq!(jobs, 192);
        assert!(enough_memory(jobs, 96 * MIB).is_ok());
    }

    #[test]
    fn too_little_memory_is_an_error_that_says_the_minimum() {
        assert!(enough_memory(8, 4 * MIB).is_ok());
        let error = enough_memory(8, 4 * MIB - 1).expect_err("one byte too few");
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.what.starts_with("--max-memory"), "{}", error.what);
        assert!(error.advice.is_some_and(|a| a.contains("at least 4MiB")));
    }

    #[test]
    fn fraction_digits_are_auto_or_zero_to_six() {
        assert_eq!(fraction_digits("auto"), Ok(FractionDigits(None)));
        assert_eq!(fraction_digits("0"), Ok(FractionDigits(Some(0))));
        assert_eq!(fraction_digits("6"), Ok(FractionDigits(Some(6))));
        for text in ["7", "-1", "", "three", "256"] {
            assert!(fraction_digits(text).is_err(), "{text}");
        }
    }

    #[test]
    fn conditions_are_cut_at_the_first_equals_sign_outside_of_a_name() {
        let cut = |text| condition(text).ok();
        let pair = |t: &str, e: &str| Some((t.to_owned(), e.to_owned()));
        assert_eq!(cut("orders=id = 1"), pair("orders", "id = 1"));
        assert_eq!(cut(" a.b = x >= 2 "), pair("a.b", "x >= 2"));
        assert_eq!(cut("\"a=b\".c=x"), pair("\"a=b\".c", "x"));
    }

    #[test]
    fn a_condition_that_is_none_is_refused_without_being_shown() {
        for text in ["orders", "=s3cret", "orders=", "\"orders=s3cret", ""] {
            let error = condition(text).expect_err(text);
            assert_eq!(error.exit, Exit::Usage);
            assert!(!format!("{error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn an_empty_pattern_is_refused_by_its_arguments_name() {
        let error = named("--table", &["a".to_owned(), " ".to_owned()]).expect_err("empty");
        assert_eq!(
            (error.exit, error.what.as_str()),
            (Exit::Usage, "--table is empty")
        );
        assert!(named("--table", &[]).is_ok());
    }
}
