//! `wire9 migrate`: a whole database in one command.
//!
//! ```text
//! check ─▶ plan ─▶ pre-data ─▶ copy ─▶ post-data ─▶ sequences ─▶ verdict
//! ```
//! Every phase knows what an earlier process of the run has done: statements and batches from the
//! ledger in the target, sequences from where they stand.

mod asking;
mod ddl;
mod drift;
mod enter;
mod orphans;
mod outcome;
mod restart;
mod sequences;
mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::database::Name;
use crate::engine::Heartbeat;
use crate::engine::apply::Fate;
use crate::metrics::Event;
use crate::schema::convert::{Makes, Section, Statement};
use crate::schema::inspect::NOT_EMPTY;

use super::check::{self, Assessment, Step, Watch};
use super::copy::{self, Mapped, Surroundings};
use super::error::{Error, Exit};
use enter::Entered;

pub use outcome::{Drift, Ended, Orphans, Outcome, Phase, SequenceVerdict, Set};
pub use settings::{Dump, Parts, Settings};

/// Migrates.
///
/// # Errors
/// What ended it before it was begun: nothing was written. What ends it later is in the outcome.
pub async fn migrate(settings: &Settings, surroundings: &Surroundings) -> Result<Outcome, Error> {
    let mut clock = Clock::start(surroundings);
    clock.phase(Phase::Check, "what will and will not survive");
    let assessment = assess(settings, surroundings).await?;
    refuse_unmatched(settings, &assessment)?;
    let mut outcome = outcome(settings, assessment);
    if outcome.assessment.blockers().next().is_some() {
        return Ok(clock.end(outcome, Ended::Blocked));
    }
    if settings.copy.dry_run {
        enter::would_drop(settings, &outcome.assessment, surroundings).await?;
        return Ok(clock.end(outcome, Ended::DryRun));
    }
    clock.phase(Phase::Plan, "what is left to be done");
    let mut entered = enter::enter(settings, &outcome.assessment, surroundings).await?;
    outcome.run.clone_from(&entered.run);
    outcome.continued = entered.continued;
    outcome.fates = fates_at_the_beginning(&outcome.assessment, &entered, settings);
    let heartbeat = Heartbeat::start(
        entered.ledger.beside(),
        entered.run.clone(),
        entered.owner.clone(),
    );
    let with = (settings, surroundings);
    let ended = match phases(&mut outcome, &mut entered, with, &mut clock).await {
        Ok(ended) => ended,
        Err(error) => {
            outcome.error = Some(Arc::new(error));
            Ended::Failed(clock.now())
        }
    };
    drop(heartbeat);
    Ok(clock.end(outcome, ended))
}

async fn assess(settings: &Settings, surroundings: &Surroundings) -> Result<Assessment, Error> {
    let said = |step: Step| {
        if let Step::Phase(name) = step {
            let _ = surroundings.events.try_send(Event::Phase(name.to_owned()));
        }
    };
    let watch = Watch {
        said: &said,
        stop: &surroundings.stop,
    };
    let mut assessment = match &settings.dump {
        Some(dump) => check::dump(settings.of_dump(dump)).await?,
        None => check::watched(&settings.check, watch).await?,
    };
    // What a run has made itself is in nobody's way: `enter` looks at it object by object.
    let accepted = accepts_occupied(settings);
    assessment
        .findings
        .retain(|f| accepted || f.kind.id != NOT_EMPTY.id);
    Ok(assessment)
}

/// A pattern that matches nothing is a slip of the pen, and is said before anything is written.
fn refuse_unmatched(settings: &Settings, assessment: &Assessment) -> Result<(), Error> {
    let relations = assessment.database.relations.iter();
    let tables: Vec<&Name> = relations
        .filter(|r| r.is_table())
        .map(|r| &r.name)
        .collect();
    let unmatched = settings.copy.selection.unmatched(&tables);
    if unmatched.is_empty() {
        return Ok(());
    }
    let what = format!(
        "--exclude-table-data or --where names no table of the source: {}",
        unmatched.join(", ")
    );
    Err(Error::new(Exit::Usage, what).advise(
        "name tables as SCHEMA.TABLE, in double quotes where they have capitals, or leave it out",
    ))
}

/// Whether a person has seen that the target holds other tables.
fn accepts_occupied(settings: &Settings) -> bool {
    settings.check.accepted.contains(NOT_EMPTY.id)
}

/// Everything that writes, and the last look at the source.
async fn phases(
    outcome: &mut Outcome,
    entered: &mut Entered,
    (settings, surroundings): (&Settings, &Surroundings),
    clock: &mut Clock<'_>,
) -> Result<Ended, Error> {
    let stopped = || surroundings.stop.is_cancelled();
    let with = (settings, surroundings);
    if settings.parts.pre_data {
        schema(Section::PreData, outcome, entered, with, clock).await?;
    }
    if stopped() {
        return Ok(Ended::Interrupted(Phase::PreData));
    }
    // Without its table nothing can be copied, and nothing that comes later is what it should be.
    let before_rows = |s: &Statement| s.section == Section::PreData;
    if outcome
        .statements()
        .any(|(statement, fate)| before_rows(statement) && is_lost(fate))
    {
        return Ok(Ended::Stopped(Phase::PreData));
    }
    if settings.parts.data {
        rows(outcome, entered, with, clock).await?;
        let copied = outcome.copy.as_ref();
        if stopped() || copied.is_some_and(|copy| copy.interrupted) {
            return Ok(Ended::Interrupted(Phase::Copy));
        }
        if copied.is_some_and(is_incomplete) {
            return Ok(Ended::Stopped(Phase::Copy));
        }
    }
    if settings.parts.post_data {
        schema(Section::PostData, outcome, entered, with, clock).await?;
    }
    if stopped() {
        return Ok(Ended::Interrupted(Phase::PostData));
    }
    finish(outcome, entered, settings, clock).await?;
    if !outcome.fates.iter().any(is_lost) {
        let (run, owner) = (&entered.run, &entered.owner);
        entered.ledger.finish(run, owner).await?;
    }
    Ok(Ended::Through)
}

/// The statements of one section.
async fn schema(
    section: Section,
    outcome: &mut Outcome,
    entered: &mut Entered,
    (settings, surroundings): (&Settings, &Surroundings),
    clock: &mut Clock<'_>,
) -> Result<(), Error> {
    let conversion = &outcome.assessment.conversion;
    let statements = &conversion.statements;
    let (all, left) = ddl::counts(section, statements, entered, settings);
    let phase = match section {
        Section::PreData => Phase::PreData,
        Section::PostData => Phase::PostData,
    };
    let what = match left {
        0 if all == 0 => "nothing to do".to_owned(),
        0 => format!("nothing is left, {} before", counted(all, "statement")),
        _ if left == all => counted(all, "statement"),
        _ => format!("{left} of {} left", counted(all, "statement")),
    };
    clock.phase(phase, &what);
    let (fates, failure) = ddl::section(section, statements, entered, settings, surroundings).await;
    for ((known, fate), statement) in outcome.fates.iter_mut().zip(fates).zip(statements) {
        if statement.section == section {
            *known = fate;
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    outcome.orphans = orphans::count(entered, &outcome.assessment, &outcome.fates).await;
    Ok(())
}

/// The rows, into the tables of the conversion.
async fn rows(
    outcome: &mut Outcome,
    entered: &Entered,
    (settings, surroundings): (&Settings, &Surroundings),
    clock: &mut Clock<'_>,
) -> Result<(), Error> {
    let conversion = &outcome.assessment.conversion;
    clock.phase(Phase::Copy, &counted(conversion.tables.len(), "table"));
    // A foreign key or trigger that this run has made before the rows (a schema of its own) is one that
    // the rows must be loaded by.
    let guards = conversion.statements.iter().any(|s| {
        let guards = matches!(s.makes, Makes::ForeignKey | Makes::Trigger);
        guards && entered.known.contains_key(&s.object)
    });
    let made_here = settings.parts.pre_data && (!guards || entered.copied_before);
    let settings = copy::Settings {
        mapped: Some(Mapped {
            tables: conversion.tables.clone(),
            made_here,
        }),
        ..settings.copy.clone()
    };
    outcome.copy = Some(copy::copy(&settings, surroundings).await?);
    Ok(())
}

/// Sequences, and whether the source is still what was migrated.
async fn finish(
    outcome: &mut Outcome,
    entered: &mut Entered,
    settings: &Settings,
    clock: &mut Clock<'_>,
) -> Result<(), Error> {
    let assessment = &outcome.assessment;
    if settings.parts.data {
        let all = &assessment.conversion.sequences;
        clock.phase(Phase::Sequences, &counted(all.len(), "sequence"));
        let described = (all.as_slice(), &assessment.database);
        outcome.sequences = sequences::set(entered, settings, described).await?;
    }
    if settings.dump.is_some() {
        return Ok(());
    }
    clock.phase(
        Phase::Verdict,
        "whether the source's schema has changed in mid-run",
    );
    outcome.drift = drift::drift(settings, assessment).await;
    Ok(())
}

fn outcome(settings: &Settings, assessment: Assessment) -> Outcome {
    let statements = assessment.conversion.statements.len();
    Outcome {
        ended: Ended::Through,
        source: settings.source(),
        target: settings.copy.target.to_string(),
        run: String::new(),
        continued: false,
        fates: vec![Fate::NotAsked; statements],
        copy: None,
        sequences: Vec::new(),
        orphans: Vec::new(),
        drift: Drift::NotLooked,
        error: None,
        phases: Vec::new(),
        wall: Duration::ZERO,
        assessment,
    }
}

/// What an earlier process has applied, what is to be applied, and what nobody asked for.
fn fates_at_the_beginning(
    assessment: &Assessment,
    entered: &Entered,
    settings: &Settings,
) -> Vec<Fate> {
    let fate = |s: &Statement| match entered.known.contains_key(&s.object) {
        true => Fate::DoneBefore,
        false if settings.wants(s) => Fate::Left,
        false => Fate::NotAsked,
    };
    assessment.conversion.statements.iter().map(fate).collect()
}

fn is_lost(fate: &Fate) -> bool {
    matches!(fate, Fate::Failed(_) | Fate::Skipped { .. } | Fate::Left)
}

/// Whether rows are missing, or are too many: then nothing is built on them.
fn is_incomplete(copy: &copy::Outcome) -> bool {
    let table = |t: &copy::TableVerdict| {
        let read = t.loaded + t.rejected;
        !t.complete || t.problem.is_some() || t.counted.is_some_and(|counted| counted != read)
    };
    let target = |t: &copy::TargetVerdict| {
        // A run that was finished before may have been followed by others' rows.
        let expected = t.baseline + t.loaded;
        let enough = |counted| counted == expected || (copy.finished_before && counted > expected);
        t.counted.is_some_and(|counted| !enough(counted))
    };
    copy.tables.iter().any(table) || (copy.targets.iter().any(target))
}

/// `1 table`, `7 tables`.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Phases, their banners, and how long each took.
struct Clock<'a> {
    surroundings: &'a Surroundings,
    began: Instant,
    current: Option<(Phase, Instant)>,
    phases: Vec<(Phase, Duration)>,
}

impl<'a> Clock<'a> {
    fn start(surroundings: &'a Surroundings) -> Self {
        Self {
            surroundings,
            began: Instant::now(),
            current: None,
            phases: Vec::new(),
        }
    }

    /// The phase before ends, this one begins.
    fn phase(&mut self, phase: Phase, what: &str) {
        self.ends();
        self.current = Some((phase, Instant::now()));
        let banner = format!("{}: {what}", phase.name());
        let _ = self.surroundings.events.try_send(Event::Banner(banner));
    }

    /// The phase that it is in.
    fn now(&self) -> Phase {
        self.current.map_or(Phase::Check, |(phase, _)| phase)
    }

    fn ends(&mut self) {
        if let Some((phase, began)) = self.current.take() {
            self.phases.push((phase, began.elapsed()));
        }
    }

    fn end(mut self, outcome: Outcome, ended: Ended) -> Outcome {
        self.ends();
        Outcome {
            ended,
            phases: self.phases,
            wall: self.began.elapsed(),
            ..outcome
        }
    }
}
