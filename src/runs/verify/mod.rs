//! `wire9 verify`: whether the target holds the rows of the source, and what belongs to them.
//!
//! ```text
//! prepare as for a copy ─▶ chunks ─▶ the ledger's sums, where a finished run left them ─▶ rows
//!   ─▶ unique indexes ─▶ where wire9 made the schema: objects, sequences
//! ```

mod asking;
mod definitions;
mod indexes;
mod migrated;
mod objects;
mod ranges;
mod repairing;
mod sent;
mod sequences;
mod tables;

use std::time::{Duration, Instant};

use crate::catalog::TableName;
use crate::engine::{self, Watchdog};
use crate::lane::{self, Rate, Shared, Work};
use crate::ledger::Ledger;
use crate::metrics::Event;
use crate::verify::{self, Checked, Culprit, Difference, Options, Verdict};

use super::check::{self, Assessment};
use super::error::{Error, Exit};
use super::prepare::{self, Mapped, Prepared, Purpose, Settings, Surroundings, cutting};
use asking::Asking;
use migrated::{Migrated, migrated};
use repairing::Repair;
use sent::Sent;
use tables::pairs_of;

pub use repairing::{Repaired, Repairing};
pub(super) use tables::tables_of;

/// How deep a verification looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Rows are counted on both sides.
    Count,
    /// Sums of rows are compared.
    Digest,
    /// Down to the rows and columns that differ.
    #[default]
    Full,
}

/// What a verification is asked to do.
#[derive(Clone)]
pub struct Asked {
    /// Endpoints, tables, digits: as for the copy that is verified.
    pub copy: Settings,
    /// The target was made by `migrate`: tables and columns go where its conversion lays them; otherwise
    /// only where the target's ledger says so.
    pub migrated: bool,
    /// How that migration looked at its source.
    pub check: check::Settings,
    /// Read both sides, also where the ledger could answer.
    pub both: bool,
    /// How deep it looks.
    pub level: Level,
    /// Only a share of each table's rows, in per cent.
    pub sample: Option<u8>,
    /// What may be read of both sides together in a second, in bytes.
    pub max_rate: Option<u64>,
    /// How long rows that differ are read again.
    pub reread: Duration,
    /// Rows of a table that are shown.
    pub shown: usize,
    /// Show values, and not keys alone.
    pub values: bool,
    /// Make equal what differs.
    pub repair: Option<Repairing>,
}

/// One target table.
#[derive(Debug)]
pub struct TableFound {
    /// Its name in the target.
    pub target: TableName,
    /// The source tables whose rows belong there.
    pub sources: Vec<TableName>,
    /// Whether only some of its rows were looked at.
    pub sampled: bool,
    /// Rows of the sources that a finished run has rejected and nothing has loaded since: they are not
    /// there.
    pub rejected: u64,
    /// What was found; after a repair, once more.
    pub checked: Result<Checked, Unverified>,
    /// What was done about a difference, or would be.
    pub repaired: Option<Repaired>,
}

/// Why a table could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unverified {
    /// Its rows could not be compared.
    #[error(transparent)]
    Rows(#[from] verify::Error),
    /// Its rows could not be counted.
    #[error(transparent)]
    Count(#[from] engine::Error),
}

/// Something besides rows that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The object, for people: `sequence public.s`.
    pub object: String,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// Something that was asked for and could not be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What it is.
    pub what: String,
    /// Why not.
    pub why: String,
}

/// What was found besides rows.
#[derive(Debug, Default)]
pub struct Beside {
    /// What was verified.
    pub facts: Vec<Fact>,
    /// What could not be.
    pub gaps: Vec<Gap>,
}

/// What a verification has found.
#[derive(Debug)]
pub struct Found {
    /// How deep it looked.
    pub level: Level,
    /// By target table.
    pub tables: Vec<TableFound>,
    /// Indexes, objects, sequences.
    pub beside: Beside,
    /// Whether objects and sequences were looked at.
    pub migrated: bool,
    /// The finished run whose sums were used.
    pub run: Option<String>,
    /// A copy of this source that is not finished: rows that are missing may be those still to come.
    pub unfinished: Option<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Wall time.
    pub wall: Duration,
}

/// Verifies, and repairs where that is asked for. Else nothing is written but the probe's scratch schema, which
/// is dropped again.
///
/// # Errors
/// What prevents the verification as a whole, or interrupts it; what is wrong with one table is part of the
/// answer.
pub async fn verify(asked: &Asked, surroundings: &Surroundings) -> Result<Found, Error> {
    let began = Instant::now();
    let mut settings = asked.copy.clone();
    let (planned, otherwise) = match migrated(asked).await? {
        Migrated::As(assessment) => (Some(assessment), false),
        Migrated::No => (None, false),
        Migrated::Otherwise => (None, true),
    };
    settings.mapped = planned.as_ref().map(|planned| Mapped {
        tables: planned.conversion.tables.clone(),
        made_here: true,
    });
    // What is dropped in its middle may leave something behind in the target.
    let purpose = match asked.repair {
        Some(_) => Purpose::Repair,
        None => Purpose::Verify,
    };
    let mut prepared = prepare::prepare(&settings, surroundings, purpose).await?;
    if otherwise {
        prepared.notes.push(OTHERWISE.to_owned());
    }
    let planned = planned.as_deref();
    let looking = look(prepared, asked, (&settings, planned), surroundings);
    let mut found = tokio::select! {
        biased;
        () = surroundings.stop.cancelled() => return Err(interrupted(asked)),
        found = looking => found?,
    };
    found.wall = began.elapsed();
    Ok(found)
}

const OTHERWISE: &str = "the target was filled by `wire9 migrate`, which would make other objects today: by other \
                         options (--map), or because the source's schema has changed; its schema and sequences are \
                         compared with --migrated alone";

fn interrupted(asked: &Asked) -> Error {
    let advice = match asked.repair {
        Some(Repairing { dry_run: false, .. }) => {
            "what was repaired stays; the same command goes on with what is left"
        }
        _ => "nothing was written; run the same command again",
    };
    let what = "interrupted: the verification has no answer";
    Error::new(Exit::Interrupted, what).advise(advice)
}

/// Everything that reads, and the repair.
async fn look(
    mut prepared: Prepared,
    asked: &Asked,
    (settings, planned): (&Settings, Option<&Assessment>),
    surroundings: &Surroundings,
) -> Result<Found, Error> {
    let connection = prepared.target.connection.take();
    let (options, write) = (
        prepared.target.options.clone(),
        prepared.target.write.clone(),
    );
    let mut ledger = match connection {
        Some(connection) => Ledger::new(connection, options, write.clone()),
        None => Ledger::unconnected(options, write.clone()),
    };
    let counts = asked.level == Level::Count;
    let Plan {
        tables,
        sent,
        sampled,
    } = match counts {
        true => Plan::default(),
        false => plan(&mut prepared, &mut ledger, asked, settings).await?,
    };
    let (keeper, prepared) = prepared.guard();
    let run = uuid::Uuid::new_v4().to_string();
    let mut shared = prepare::shared(&prepared, &run, settings, surroundings);
    shared.rate = asked.max_rate.map(|rate| Rate::new(rate).into());
    let repair = Repair::begin(&prepared, (settings, surroundings), asked.repair).await?;
    let watchdog = Watchdog::of(&shared.loading, settings.stall_after, settings.io_timeout);
    let looking = async {
        let mut checked = match counts {
            true => count(&prepared, &shared, asked).await,
            false => rows(&prepared, &shared, (&tables, &sent), asked).await,
        };
        let verified = (tables.as_slice(), checked.as_mut_slice(), options_of(asked));
        let repaired = repair.finish(&shared, verified).await?;
        keeper.close().await;
        let tables = found(&prepared, (checked, repaired), (&sampled, &sent));
        let pulse = shared.loading.board.pulse().clone();
        let asking = Asking::new(&mut ledger, &write).watched(pulse);
        let beside = beside(&prepared, &tables, asking, (planned, surroundings)).await;
        Ok::<_, Error>((tables, beside))
    };
    let (tables, beside) = watchdog
        .over(looking)
        .await
        .map_err(|e| stalled(e, asked))??;
    Ok(Found {
        level: asked.level,
        tables,
        beside,
        migrated: planned.is_some(),
        run: sent.run,
        unfinished: sent.unfinished,
        notes: prepared.notes,
        wall: Duration::ZERO,
    })
}

/// What stands still is not verified; a repair keeps what it has committed.
fn stalled(error: engine::Error, asked: &Asked) -> Error {
    let advice = match asked.repair {
        Some(Repairing { dry_run: false, .. }) => {
            "what was repaired stays; look at what the readers wait for, then repeat the command, which goes on \
             with what is left (--stall-after says how long nothing may move)"
        }
        _ => {
            "nothing was verified; look at what the readers wait for, then repeat the command (--stall-after says \
             how long nothing may move)"
        }
    };
    Error {
        exit: Exit::NotVerified,
        ..Error::from(error)
    }
    .advise(advice)
}

/// What is read of each table, and what the ledger knows of it.
#[derive(Default)]
struct Plan {
    tables: Vec<verify::Table>,
    sent: Sent,
    /// By table: whether not all rows of it are read.
    sampled: Vec<bool>,
}

async fn plan(
    prepared: &mut Prepared,
    ledger: &mut Ledger,
    asked: &Asked,
    settings: &Settings,
) -> Result<Plan, Error> {
    let chunks = cutting::plan(prepared, settings).await?;
    let works: Vec<Work> = chunks.iter().map(|c| prepare::work(prepared, c)).collect();
    let with = (asked.sample, settings.jobs);
    let write = prepared.target.write.clone();
    let mut asking = Asking::new(ledger, &write);
    let ranges = ranges::ranges(prepared, &mut asking, &chunks, with).await?;
    let sent = sent::sent(ledger, prepared, settings).await?;
    let sampled = ranges.iter().map(|ranges| ranges.is_sample).collect();
    let tables = tables::tables(prepared, works, &sent.by_pair, ranges);
    Ok(Plan {
        tables,
        sent,
        sampled,
    })
}

/// Compares rows.
async fn rows(
    prepared: &Prepared,
    shared: &Shared,
    (tables, sent): (&[verify::Table], &Sent),
    asked: &Asked,
) -> Vec<Result<Checked, Unverified>> {
    let say = |event| {
        let _ = shared.loading.events.try_send(event);
    };
    say(Event::Phase(format!("verifying {} tables", tables.len())));
    let both = options_of(asked).both || sent.run.is_none();
    say(planned(prepared, tables, both));
    let options = options_of(asked);
    let mut left = TOLD_AT_ONCE;
    let told = |number: usize, checked: &verify::Result<Checked>| {
        let Some(line) = line(&tables[number].name, checked) else {
            return;
        };
        match left {
            0 => return,
            1 => say(Event::Notice(format!(
                "{line}; further tables are told at the end"
            ))),
            _ => say(Event::Notice(line)),
        }
        left -= 1;
    };
    let checked = verify::verify(shared, tables, options, told).await;
    checked
        .into_iter()
        .map(|c| c.map_err(Unverified::Rows))
        .collect()
}

fn options_of(asked: &Asked) -> Options {
    Options {
        // The ledger does not know whether the source still has what was sent.
        both: asked.both || asked.repair.is_some(),
        jobs: asked.copy.jobs,
        shown: asked.shown,
        values: asked.values,
        level: match asked.level {
            Level::Full => verify::Level::Full,
            Level::Count | Level::Digest => verify::Level::Digest,
        },
        reread: asked.reread,
    }
}

/// What will be read, by the sizes of the source.
fn planned(prepared: &Prepared, tables: &[verify::Table], both: bool) -> Event {
    let bytes = |table: &verify::Table| -> u64 {
        let of_pairs = pairs_of(prepared, table.number);
        let of_pairs = of_pairs.filter_map(|(_, pair)| prepared.catalog.by_oid(pair.oid));
        let bytes: u64 = of_pairs.map(crate::catalog::Table::bytes).sum();
        let sides = if both || table.sent.is_none() { 2 } else { 1 };
        bytes * sides
    };
    Event::Planned {
        tables: tables
            .iter()
            .map(|t| (t.name.to_string(), bytes(t)))
            .collect(),
        done: 0,
    }
}

/// Tables with a difference that are told before the end: a thousand lines hide the first one.
const TOLD_AT_ONCE: usize = 20;

/// What is told at once of a table that is done, and not only at the end.
fn line(name: &TableName, checked: &verify::Result<Checked>) -> Option<String> {
    match checked {
        Ok(checked) => match checked.verdict {
            Verdict::Different(_) => Some(format!("{name}: rows differ")),
            Verdict::AsSent | Verdict::Equal | Verdict::Counted => None,
        },
        Err(error) => Some(format!("{name}: not verified: {}", lane::chain(error))),
    }
}

/// Compares counts.
async fn count(
    prepared: &Prepared,
    shared: &Shared,
    asked: &Asked,
) -> Vec<Result<Checked, Unverified>> {
    let _ = shared
        .loading
        .events
        .try_send(Event::Phase("counting on both sides".to_owned()));
    let (pairs, targets) = (prepared.counted_pairs(), prepared.target_names());
    let jobs = asked.copy.jobs;
    let (ours, theirs) = tokio::join!(
        engine::count_source(shared, &pairs, jobs),
        engine::count_target(shared, &targets, jobs),
    );
    let mut by_target: Vec<engine::Result<u64>> = targets.iter().map(|_| Ok(0)).collect();
    for (pair, count) in prepared.matching.pairs.iter().zip(ours) {
        match (&mut by_target[pair.target], count) {
            (Ok(sum), Ok(count)) => *sum += count,
            (sum @ Ok(_), Err(error)) => *sum = Err(error),
            (Err(_), _) => {}
        }
    }
    by_target
        .into_iter()
        .zip(theirs)
        .map(|(source, target)| Ok(counted(source?, target?)))
        .collect()
}

fn counted(source_rows: u64, target_rows: u64) -> Checked {
    let verdict = match source_rows == target_rows {
        true => Verdict::Counted,
        false => Verdict::Different(Box::new(Difference {
            source_rows,
            target_rows,
            buckets: (0, 0),
            missing: 0,
            extra: 0,
            different: 0,
            rows: Vec::new(),
            culprit: Culprit::Unknown,
        })),
    };
    Checked {
        rows: target_rows,
        verdict,
    }
}

fn found(
    prepared: &Prepared,
    (checked, repaired): (Vec<Result<Checked, Unverified>>, Vec<Option<Repaired>>),
    (sampled, sent): (&[bool], &Sent),
) -> Vec<TableFound> {
    let rejected = |pair: usize| sent.rejected.get(pair).copied().unwrap_or(0);
    let targets = prepared.matching.targets.iter().enumerate();
    targets
        .zip(checked.into_iter().zip(repaired))
        .map(|((number, target), (checked, repaired))| TableFound {
            target: target.name.clone(),
            sources: pairs_of(prepared, number)
                .map(|(_, pair)| pair.source.clone())
                .collect(),
            sampled: sampled.get(number).copied().unwrap_or_default(),
            rejected: pairs_of(prepared, number)
                .map(|(pair, _)| rejected(pair))
                .sum(),
            checked,
            repaired,
        })
        .collect()
}

/// What belongs to the rows.
async fn beside(
    prepared: &Prepared,
    tables: &[TableFound],
    mut asking: Asking<'_>,
    (planned, surroundings): (Option<&Assessment>, &Surroundings),
) -> Beside {
    let phase = |name: &str| {
        let _ = surroundings.events.try_send(Event::Phase(name.to_owned()));
    };
    let mut beside = Beside::default();
    phase("counting through unique indexes");
    indexes::look(prepared, tables, &mut asking, &mut beside).await;
    if let Some(planned) = planned {
        let conversion = &planned.conversion;
        phase("comparing the schema and the sequences");
        objects::look(prepared, conversion, &mut asking, &mut beside).await;
        let of = (conversion, &planned.database);
        definitions::look(prepared, of, &mut asking, &mut beside).await;
        sequences::look(conversion, &mut asking, &mut beside).await;
    }
    beside
}

impl Beside {
    fn holds(&mut self, object: impl Into<String>) {
        self.facts.push(Fact {
            object: object.into(),
            problem: None,
        });
    }

    fn wrong(&mut self, object: impl Into<String>, problem: impl Into<String>) {
        self.facts.push(Fact {
            object: object.into(),
            problem: Some(problem.into()),
        });
    }

    fn gap(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.gaps.push(Gap {
            what: what.into(),
            why: why.into(),
        });
    }
}
