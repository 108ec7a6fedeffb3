//! From a decision to work: a new run and its plan, or the rest of the run that the same command
//! began before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use crate::engine;
use crate::lane::Work;
use crate::lane::rejects::{self, Rejects};
use crate::ledger::{Changes, Fence, Ledger, Owner, Progress, Run, State};
use crate::metrics::Event;
use crate::planted::Mistake;

use super::super::error::Error;
use super::super::prepare::configuration::{Configuration, REPAIR, source_key};
use super::super::prepare::{Prepared, Settings, Surroundings, refused};
use super::begin::begin;
use super::restart::{Dropping, drop_run};
use super::resume::{finished, go_on};

/// A run that this process owns.
pub(super) struct Entered {
    pub(super) ledger: Ledger,
    pub(super) run: String,
    pub(super) owner: Owner,
    /// By lane.
    pub(super) tokens: Vec<String>,
    pub(super) continued: bool,
    pub(super) finished_before: bool,
    /// The plan, and what earlier processes committed.
    pub(super) progress: Progress,
    /// The snapshot of the process before, as the ledger stores it.
    pub(super) earlier_snapshot: Option<String>,
    /// By pair: why it is left out.
    pub(super) problems: HashMap<usize, String>,
    /// By target: what was changed to reconcile it, in all processes of the run.
    pub(super) reconciled: BTreeMap<usize, Changes>,
    /// Chunks in the order in which they are to be read; finished ones, too.
    pub(super) works: Vec<Work>,
    /// Where rows go that can not be loaded.
    pub(super) rejects: Option<Arc<Rejects>>,
}

impl Entered {
    /// Chunks that are left, of tables that are not left out.
    pub(super) fn take_works(&mut self) -> Vec<Work> {
        let mut works = std::mem::take(&mut self.works);
        works.retain(|w| engine::is_left(w) && !self.problems.contains_key(&w.table));
        if Mistake::LastChunkSkipped.is_made() {
            works.pop();
        }
        works
    }

    /// What a repair shows to be this process's: the first lane, as long as no lane works.
    pub(super) fn fence(&self) -> Fence {
        Fence {
            run: self.run.clone(),
            lane: 0,
            token: self.tokens.first().cloned().unwrap_or_default(),
        }
    }

    /// What the reporter must know before the first row moves.
    pub(super) fn planned(&self, prepared: &Prepared) -> Event {
        let mut tables: Vec<(String, u64)> = prepared
            .matching
            .pairs
            .iter()
            .map(|p| (p.source.to_string(), 0))
            .collect();
        let mut done = 0;
        for (pair, number, _, bytes) in &self.progress.plan.chunks {
            tables[*pair].1 += bytes;
            let batches = self.progress.batches.get(&(*pair, *number));
            done += batches
                .into_iter()
                .flatten()
                .map(|b| b.read_bytes)
                .sum::<u64>();
        }
        Event::Planned { tables, done }
    }
}

/// Finds the run that this command continues, or begins one.
pub(super) async fn enter(
    prepared: &mut Prepared,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Entered, Error> {
    let (mut ledger, configuration) = ledger_and_configuration(prepared, settings);
    let runs = ledger
        .runs(&source_key(&prepared.snapshot.identity))
        .await?;
    let same = |run: &Run| is_same(&configuration, run);
    let (open, done) = earlier(&runs, &configuration);
    match (open, done) {
        (Some(run), _) | (None, Some(run)) if settings.restart => {
            drop_run(
                &mut ledger,
                &prepared.target.write,
                settings.on_existing,
                run,
                surroundings,
            )
            .await?;
            discard(settings, run, surroundings)?;
        }
        (Some(run), _) if same(run) => {
            return go_on(prepared, ledger, run, settings, surroundings).await;
        }
        (Some(run), _) => return Err(other_configuration(&configuration, run)),
        (None, Some(run)) => return finished(prepared, ledger, run).await,
        (None, None) => refuse_another_source(&mut ledger, &configuration, &runs).await?,
    }
    begin(prepared, ledger, &configuration, settings, surroundings).await
}

fn ledger_and_configuration(
    prepared: &mut Prepared,
    settings: &Settings,
) -> (Ledger, Configuration) {
    let target = &mut prepared.target;
    let connection = target.connection.take().expect("the target was connected");
    let (options, write) = (target.options.clone(), target.write.clone());
    let ledger = Ledger::new(connection, options, write);
    let path = settings.target_search_path.as_deref();
    let configuration = Configuration::new(&prepared.matching, settings.on_existing, path)
        .of_target(&target.identity)
        .with_profile(settings.profile.as_deref());
    (ledger, configuration)
}

/// The unfinished run of this source, and the finished one of the same configuration.
fn earlier<'r>(
    runs: &'r [Run],
    configuration: &Configuration,
) -> (Option<&'r Run>, Option<&'r Run>) {
    let open = runs.iter().find(|run| run.state == State::Open);
    let done = |run: &&Run| run.state == State::Done && is_same(configuration, run);
    (open, runs.iter().find(done))
}

fn is_same(configuration: &Configuration, run: &Run) -> bool {
    let earlier = Configuration::from_text(&run.settings);
    earlier.is_some_and(|earlier| configuration.differences(&earlier).is_empty())
}

/// What `--restart` would drop is a note of the plan.
pub(super) async fn would_drop(prepared: &mut Prepared, settings: &Settings) -> Result<(), Error> {
    if !settings.restart {
        return Ok(());
    }
    let (mut ledger, configuration) = ledger_and_configuration(prepared, settings);
    let key = source_key(&prepared.snapshot.identity);
    let runs = ledger.runs(&key).await?;
    let (open, done) = earlier(&runs, &configuration);
    let note = match open.or(done) {
        None => "--restart: there is no earlier run to drop".to_owned(),
        Some(run) => {
            let write = &prepared.target.write;
            let dropping = Dropping::plan(&mut ledger, write, settings.on_existing, run).await?;
            dropping.in_words()
        }
    };
    prepared.notes.push(note);
    Ok(())
}

/// The tables may be those of an unfinished run whose source was another server.
async fn refuse_another_source(
    ledger: &mut Ledger,
    configuration: &Configuration,
    own: &[Run],
) -> Result<(), Error> {
    for run in ledger.open_runs().await? {
        let is_own = own.iter().any(|other| other.run == run.run);
        let earlier = Configuration::from_text(&run.settings).filter(|_| !is_own);
        let shared = earlier.map(|earlier| configuration.shared_targets(&earlier));
        if let Some(shared) = shared.filter(|shared| !shared.is_empty()) {
            return Err(refused(
                format!(
                    "run {} is unfinished, has another source ({}) and fills the same tables: {}",
                    run.run,
                    run.source,
                    few(&shared)
                ),
                "finish it with the command that began it, or drop it with that command and --restart; \
                 a source is known by system identifier and database, not by its address",
            ));
        }
    }
    Ok(())
}

/// The rows that a dropped run rejected are read again.
fn discard(settings: &Settings, run: &Run, surroundings: &Surroundings) -> Result<(), Error> {
    let folder = &settings.rejecting.folder;
    let tables = rejects::discard(folder, &run.run).map_err(rejects::OpenError::from)?;
    if !tables.is_empty() {
        let tables = few(&tables);
        let text = format!("--restart: dropping the files of rejected rows of: {tables}");
        let _ = surroundings.events.try_send(Event::Notice(text));
    }
    Ok(())
}

fn other_configuration(configuration: &Configuration, run: &Run) -> Error {
    if run.settings == REPAIR {
        return refused(
            format!(
                "run {} repairs tables of this source and is unfinished",
                run.run
            ),
            "repeat `wire9 verify --repair`, or begin the copy anew with --restart",
        );
    }
    let differences = match Configuration::from_text(&run.settings) {
        Some(earlier) => configuration.differences(&earlier).join("; "),
        None => "it was begun by another version".to_owned(),
    };
    refused(
        format!(
            "run {} of this source is unfinished and was asked for differently: {differences}",
            run.run
        ),
        "repeat the command that began it, or begin anew with --restart",
    )
}

pub(in crate::runs) fn snapshot_text(prepared: &Prepared) -> String {
    serde_json::to_string(&prepared.snapshot).expect("a snapshot is JSON")
}

pub(super) fn tokens(jobs: usize) -> Vec<String> {
    (0..jobs).map(|_| Uuid::new_v4().to_string()).collect()
}

/// The first twenty of a list, and how many more there are.
pub(in crate::runs) fn few(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
