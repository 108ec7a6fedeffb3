//! `wire9 status`: the runs of a target's ledger, for people or for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::{Value, json};

use super::arguments::StatusArguments;
use super::check::Format;
use super::endpoints::TargetArguments;
use super::wrap::wrap;
use super::{errors, units};
use crate::ledger::{Liveness, State, Summary};
use crate::runs::{self, Error, Exit};
use crate::wire::{ConnectOptions, Environment};

/// Version of the JSON format.
const FORMAT: u32 = 1;

/// Unfinished tables that are named.
const NAMED: usize = 20;

/// Asks and shows; answers the exit code.
pub(super) fn status(typed: &StatusArguments) -> Exit {
    let asked = target(&typed.target).and_then(|target| {
        let runtime = runtime()?;
        runtime.block_on(runs::status::status(&target))
    });
    let runs = match asked {
        Ok(runs) => runs,
        Err(error) => return errors::show(&error),
    };
    let text = match typed.format {
        Format::Text => wrap(&text(runs.as_deref()), super::columns()),
        Format::Json => format!("{:#}\n", json(runs.as_deref())),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(e) => errors::show(&errors::not_printed("status", e)),
    }
}

/// The options of the target.
pub(super) fn target(typed: &TargetArguments) -> Result<ConnectOptions, Error> {
    typed.options(&Environment::of_process())
}

/// A runtime for a few statements.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(errors::no_runtime)
}

fn text(runs: Option<&[Summary]>) -> String {
    match runs {
        None => {
            "no ledger: nothing was ever loaded here by wire9, or `wire9 clean` removed it\n".into()
        }
        Some([]) => "an empty ledger: no run\n".into(),
        Some(runs) => runs.iter().map(run_text).collect::<Vec<_>>().join("\n"),
    }
}

fn run_text(summary: &Summary) -> String {
    let mut text = String::new();
    let run = &summary.run;
    let state = match run.state {
        State::Open => "UNFINISHED",
        State::Done => "DONE",
    };
    let _ = writeln!(
        text,
        "{state}: run {}, begun {} UTC",
        run.run, summary.began
    );
    let (what, source) = kind(summary);
    let _ = writeln!(text, "  {what} of {source}");
    if is_migration(summary) {
        let statements = units::counted(summary.statements, "statement");
        let _ = writeln!(
            text,
            "  applied: {statements} of the schema; its rows are a copy of their own"
        );
    } else {
        text.push_str(&loaded(summary));
    }
    if run.state == State::Done {
        text.push_str("  the same command does nothing more; `wire9 clean` removes the ledger\n");
        return text;
    }
    let _ = writeln!(text, "  owner: {}", owner(summary));
    let _ = writeln!(text, "  the same command {}", continuation(summary));
    if !summary.unfinished.is_empty() {
        let names: Vec<String> = summary.unfinished.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  not complete: {}", units::names(&names, NAMED));
    }
    text
}

/// A migration is known by its key.
fn is_migration(summary: &Summary) -> bool {
    summary.run.source.starts_with(MIGRATION)
}

/// The key of a migration is that of its source behind this word.
const MIGRATION: &str = "migrate ";

/// What the run is and of which source: system identifier and database where these are known, else the
/// address.
fn kind(summary: &Summary) -> (&'static str, &str) {
    match summary.run.source.strip_prefix(MIGRATION) {
        Some(source) => ("migration", source),
        None => ("copy", &summary.run.source),
    }
}

fn loaded(summary: &Summary) -> String {
    let mut text = format!(
        "  loaded: {} rows in {}, {} of COPY text; {} of {} chunks of {}\n",
        units::count(summary.rows),
        units::counted(summary.batches, "transaction"),
        units::size(summary.read_bytes),
        units::count(summary.chunks_finished),
        units::count(summary.chunks),
        units::counted(summary.tables, "table"),
    );
    if summary.rejected > 0 {
        let _ = writeln!(
            text,
            "  rejected: {}; `wire9 rejects list` tells why, `wire9 rejects replay` loads them",
            units::counted(summary.rejected, "row")
        );
    }
    text
}

fn owner(summary: &Summary) -> String {
    let owner = &summary.run.owner;
    let silent = units::whole(summary.run.silent.max(0.0));
    match owner.liveness() {
        Liveness::Alive => format!("{owner}, which is at work"),
        Liveness::Gone => format!("{owner}, which is gone"),
        Liveness::Elsewhere => format!("{owner}, last heard of {silent} s ago"),
    }
}

/// What the command that began the run would do now.
fn continuation(summary: &Summary) -> String {
    if is_migration(summary) {
        return "applies the statements that are left, and goes on with the rows".to_owned();
    }
    let left = summary.chunks.saturating_sub(summary.chunks_finished);
    if left == 0 {
        return "counts both sides and reaches the verdict; every chunk is loaded".to_owned();
    }
    format!(
        "goes on with {}, about {}, where the source has not moved since; otherwise it compares what \
         was copied with the source first",
        units::counted(left, "chunk"),
        units::size(summary.planned_bytes.saturating_sub(summary.read_bytes)),
    )
}

fn json(runs: Option<&[Summary]>) -> Value {
    let runs = runs.map(|runs| runs.iter().map(run_json).collect::<Vec<_>>());
    json!({ "format": "wire9 status", "version": FORMAT, "ledger": runs.is_some(), "runs": runs.unwrap_or_default() })
}

fn run_json(summary: &Summary) -> Value {
    let run = &summary.run;
    let liveness = match run.owner.liveness() {
        Liveness::Alive => "alive",
        Liveness::Gone => "gone",
        Liveness::Elsewhere => "elsewhere",
    };
    json!({
        "run": run.run,
        "state": match run.state { State::Open => "open", State::Done => "done" },
        "began": summary.began,
        "owner": { "host": run.owner.host, "pid": run.owner.pid, "liveness": liveness, "silent_seconds": run.silent },
        "tables": summary.tables,
        "unfinished": summary.unfinished.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "chunks": summary.chunks,
        "chunks_finished": summary.chunks_finished,
        "planned_bytes": summary.planned_bytes,
        "read_bytes": summary.read_bytes,
        "rows": summary.rows,
        "rejected": summary.rejected,
        "batches": summary.batches,
        "kind": kind(summary).0,
        "source": kind(summary).1,
        "statements": summary.statements,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TableName;
    use crate::ledger::{Owner, Run};

    fn summary(state: State) -> Summary {
        Summary {
            run: Run {
                run: "4711".into(),
                settings: String::new(),
                source: String::new(),
                snapshot: String::new(),
                state,
                owner: Owner::this_process(),
                beat: 7,
                silent: 2.0,
            },
            began: "2026-11-24 03:12:45".into(),
            tables: 2,
            unfinished: vec![TableName::new("public", "events")],
            chunks: 9,
            chunks_finished: 4,
            planned_bytes: 2_000_000,
            read_bytes: 500_000,
            rows: 12_345,
            rejected: 3,
            batches: 1,
            statements: 0,
        }
    }

    #[test]
    fn an_unfinished_run_says_what_is_left_and_who_works_on_it() {
        let text = text(Some(&[summary(State::Open)]));
        for part in [
            "UNFINISHED: run 4711, begun 2026-11-24 03:12:45 UTC",
            "12,345 rows in 1 transaction",
            "rejected: 3 rows",
            "4 of 9 chunks of 2 tables",
            "which is at work",
            "goes on with 5 chunks, about 1.50 MB",
            "not complete: public.events",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_migration_says_what_is_applied_and_that_its_rows_are_a_run_of_their_own() {
        let mut migration = summary(State::Open);
        migration.run.source = "migrate 7/16384".into();
        (migration.statements, migration.chunks, migration.tables) = (12, 0, 0);
        let text = text(Some(&[migration]));
        for part in [
            "migration of 7/16384",
            "applied: 12 statements of the schema",
            "applies the statements that are left",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("chunks"), "{text}");
    }

    #[test]
    fn a_finished_run_and_no_ledger_are_said_so() {
        assert!(text(Some(&[summary(State::Done)])).contains("`wire9 clean` removes the ledger"));
        assert!(text(None).starts_with("no ledger"));
        assert!(text(Some(&[])).contains("no run"));
    }

    #[test]
    fn the_json_has_the_same_facts() {
        let json = json(Some(&[summary(State::Open)]));
        assert_eq!(json["version"], 1);
        assert_eq!(json["runs"][0]["chunks_finished"], 4);
        assert_eq!(json["runs"][0]["owner"]["liveness"], "alive");
        assert_eq!(json["runs"][0]["unfinished"][0], "public.events");
    }
}
