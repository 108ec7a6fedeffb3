//! From a decision to work: a new run and its plan, or the rest of the run that the same command
//! began before.

use std::collections::HashMap;

use tokio::time::{Duration, sleep};
use uuid::Uuid;

use crate::catalog::{Splitting, TableName};
use crate::endpoint::{introspect, session};
use crate::engine;
use crate::lane::{Shared, Work};
use crate::ledger::{
    self, Claim, Ledger, Liveness, NewRun, Owner, PairRow, PlanRows, Progress, Run, State,
    TargetRow,
};
use crate::metrics::Event;
use crate::plan::{self, Bounds, Chunk, Split, Thresholds};
use crate::schema::Pair;
use crate::wire;

use super::super::error::{Error, Exit};
use super::configuration::{Configuration, source_key};
use super::prepare::Prepared;
use super::refused;
use super::settings::{OnExisting, Settings, Surroundings};

/// A run that has given no sign of life for so long may be taken over.
const EXPIRES: f64 = 15.0;

/// Tables looked at by one query.
const TABLES_PER_QUERY: usize = 100;

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
    earlier_snapshot: Option<String>,
    /// By pair: why it is left out.
    pub(super) problems: HashMap<usize, String>,
    /// Chunks in the order in which they are to be read; finished ones, too.
    works: Vec<Work>,
}

impl Entered {
    /// Chunks that are left, of tables that are not left out.
    pub(super) fn take_works(&mut self) -> Vec<Work> {
        let mut works = std::mem::take(&mut self.works);
        works.retain(|w| engine::is_left(w) && !self.problems.contains_key(&w.table));
        works
    }
}

impl Entered {
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
    let connection = prepared
        .target
        .connection
        .take()
        .expect("the target was connected");
    let (options, write) = (
        prepared.target.options.clone(),
        prepared.target.write.clone(),
    );
    let mut ledger = Ledger::new(connection, options, write);
    let configuration = Configuration::new(
        &prepared.matching,
        settings.on_existing,
        settings.target_search_path.as_deref(),
    );
    let runs = ledger
        .runs(&source_key(&prepared.snapshot.identity))
        .await?;
    let same =
        |run: &Run| Configuration::from_text(&run.settings).is_some_and(|c| c == configuration);
    let open = runs.iter().find(|run| run.state == State::Open);
    let done = runs
        .iter()
        .find(|run| run.state == State::Done && same(run));
    match (open, done) {
        (Some(run), _) | (None, Some(run)) if settings.restart => {
            drop_run(&mut ledger, run, surroundings).await?;
        }
        (Some(run), _) if same(run) => {
            return go_on(prepared, ledger, run, settings, surroundings).await;
        }
        (Some(run), _) => return Err(other_configuration(&configuration, run)),
        (None, Some(run)) => return finished(prepared, ledger, run).await,
        (None, None) => {}
    }
    begin(prepared, ledger, &configuration, settings, surroundings).await
}

fn other_configuration(configuration: &Configuration, run: &Run) -> Error {
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

// ---------------------------------------------------------------------------------------------
// a new run

async fn begin(
    prepared: &mut Prepared,
    mut ledger: Ledger,
    configuration: &Configuration,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Entered, Error> {
    let names = prepared.target_names();
    let held = existing(&mut ledger, &names).await?;
    check_existing(&names, &held, settings, surroundings)?;
    let mut targets = Vec::with_capacity(names.len());
    for (name, held) in names.iter().zip(&held) {
        let baseline = match (held, settings.on_existing) {
            (false, _) => Some(0),
            (true, OnExisting::Truncate) => None,
            (true, _) => Some(count(&mut ledger, prepared, name).await?),
        };
        targets.push(TargetRow {
            name: name.clone(),
            baseline,
            truncated: baseline.is_none(),
        });
    }
    let chunks = plan(prepared, settings).await?;
    let rows = PlanRows {
        pairs: prepared
            .matching
            .pairs
            .iter()
            .map(|p| PairRow {
                source: p.source.clone(),
                target: p.target,
            })
            .collect(),
        targets,
        chunks: chunks
            .iter()
            .map(|c| (c.table, c.number, c.bounds.clone(), c.bytes))
            .collect(),
    };
    let owner = Owner::this_process();
    let new = NewRun {
        run: Uuid::new_v4().to_string(),
        settings: configuration.to_text(),
        source: source_key(&prepared.snapshot.identity),
        snapshot: snapshot_text(prepared),
        owner: owner.clone(),
        tokens: tokens(settings.jobs),
    };
    ledger.create().await?;
    if ledger.begin(&new, &rows).await? == Claim::Lost {
        return Err(refused(
            "another wire9 process has just begun a run of this source",
            "let it finish, or stop it; then repeat the command",
        ));
    }
    let mut progress = Progress {
        plan: rows,
        ..Progress::default()
    };
    let owned = (new.run.as_str(), &owner);
    truncate(&mut ledger, prepared, owned, &mut progress).await?;
    let works = chunks
        .iter()
        .map(|c| work(&prepared.matching.pairs[c.table], prepared, c))
        .collect();
    Ok(Entered {
        ledger,
        run: new.run,
        owner,
        tokens: new.tokens,
        continued: false,
        finished_before: false,
        progress,
        earlier_snapshot: None,
        problems: HashMap::new(),
        works,
    })
}

/// Locks and sizes the tables that are cut, and cuts them.
pub(super) async fn plan(
    prepared: &mut Prepared,
    settings: &Settings,
) -> Result<Vec<Chunk>, Error> {
    let thresholds = Thresholds::new(settings.jobs);
    let mut tables: Vec<plan::Table> = (0..prepared.matching.pairs.len())
        .map(|pair| planned(prepared, pair))
        .collect();
    for index in plan::choose(&mut tables, &thresholds) {
        let oid = prepared.matching.pairs[tables[index].pair].oid;
        let table = prepared
            .catalog
            .by_oid(oid)
            .expect("pairs are made of the catalog's tables");
        let (table, splitting) = (table.clone(), prepared.catalog.splitting(table));
        let wanted = thresholds
            .most_chunks(tables[index].bytes)
            .saturating_sub(1);
        let keeper = prepared.keeper();
        keeper.lock(&table.name, oid).await?;
        let heap = keeper.relation_size(oid).await?;
        tables[index].pages = u32::try_from(heap / PAGE).unwrap_or(u32::MAX);
        tables[index].bytes = heap + table.toast_bytes;
        if let Splitting::Keys(key) = splitting {
            let boundaries =
                introspect::sample_keys(keeper.connection(), &table, &key, wanted as usize).await?;
            tables[index].split = Split::Keys {
                columns: key.columns,
                boundaries,
            };
        }
    }
    Ok(plan::chunks(&tables, &thresholds))
}

/// Bytes of a heap page; servers compiled with another size are not known in the wild, and a wrong
/// size only makes chunks uneven, since the last is open-ended.
const PAGE: u64 = 8192;

fn planned(prepared: &Prepared, index: usize) -> plan::Table {
    let pair = &prepared.matching.pairs[index];
    let table = prepared
        .catalog
        .by_oid(pair.oid)
        .expect("pairs are made of the catalog's tables");
    let split = match prepared.catalog.splitting(table) {
        Splitting::Pages => Split::Pages,
        Splitting::Keys(key) => Split::Keys {
            columns: key.columns,
            boundaries: Vec::new(),
        },
        Splitting::Never => Split::Never,
    };
    plan::Table {
        pair: index,
        pages: table.pages,
        bytes: table.bytes(),
        wave: prepared.waves[pair.target],
        split,
    }
}

/// Which target tables hold rows.
async fn existing(ledger: &mut Ledger, names: &[TableName]) -> Result<Vec<bool>, Error> {
    let mut held = vec![false; names.len()];
    let connection = ledger.connection().await?;
    for (group, names) in names.chunks(TABLES_PER_QUERY).enumerate() {
        let looks = names.iter().enumerate().map(|(i, name)| {
            let number = group * TABLES_PER_QUERY + i;
            format!(
                "SELECT {number} WHERE EXISTS (SELECT 1 FROM {})",
                name.quoted()
            )
        });
        let sql = looks.collect::<Vec<_>>().join(" UNION ALL ");
        let reply = connection.query(&sql).await.map_err(|e| {
            Error::from(wire_error("looking whether the target tables are empty", e))
                .advise("the target's user must be able to read and write the tables")
        })?;
        for row in &reply.rows {
            let number = row
                .first()
                .and_then(|n| n.as_deref())
                .and_then(|n| n.parse::<usize>().ok());
            if let Some(held) = number.and_then(|n| held.get_mut(n)) {
                *held = true;
            }
        }
    }
    Ok(held)
}

fn check_existing(
    names: &[TableName],
    held: &[bool],
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let full: Vec<String> = names
        .iter()
        .zip(held)
        .filter(|(_, held)| **held)
        .map(|(n, _)| n.to_string())
        .collect();
    if full.is_empty() {
        return Ok(());
    }
    let listed = few(&full);
    let say = |text: String| {
        let _ = surroundings.events.try_send(Event::Notice(text));
    };
    match settings.on_existing {
        OnExisting::Fail => {
            return Err(refused(
                format!("target tables hold rows that this run did not write: {listed}"),
                "empty them, or say --on-existing truncate (they are emptied) or append",
            ));
        }
        OnExisting::Truncate => say(format!("TRUNCATING target tables that hold rows: {listed}")),
        OnExisting::Append => say(format!(
            "appending to target tables that hold rows: {listed}"
        )),
    }
    Ok(())
}

/// Empties the tables that are still to be emptied. Each is recorded when it is done, before any
/// batch of it; a run that dies in between empties it again, and never one that holds batches.
async fn truncate(
    ledger: &mut Ledger,
    prepared: &Prepared,
    (run, owner): (&str, &Owner),
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut order: Vec<usize> = (0..progress.plan.targets.len())
        .filter(|&t| progress.plan.targets[t].baseline.is_none())
        .collect();
    // Children first, so that no foreign key stands in the way.
    order.sort_by_key(|&t| std::cmp::Reverse(prepared.waves[t]));
    for target in order {
        let name = progress.plan.targets[target].name.clone();
        empty(ledger, run, owner, (target, &name)).await?;
        progress.plan.targets[target].baseline = Some(0);
    }
    Ok(())
}

/// Empties one target table.
async fn empty(
    ledger: &mut Ledger,
    run: &str,
    owner: &Owner,
    target: (usize, &TableName),
) -> Result<(), Error> {
    let emptied = ledger.empty(run, owner, target).await;
    emptied.map_err(|cause| match cause {
        ledger::Error::Wire { source, .. } => {
            let doing = format!("emptying target table {}", target.1);
            Error::from(wire_error(&doing, source)).advise("empty the table by hand")
        }
        error => error.into(),
    })
}

async fn count(ledger: &mut Ledger, prepared: &Prepared, name: &TableName) -> Result<u64, Error> {
    let connection = ledger.connection().await?;
    let doing = format!("counting target table {name}");
    session::begin_write(connection, &prepared.target.write).await?;
    let reply = connection
        .query(&format!("SELECT count(*) FROM {}", name.quoted()))
        .await;
    let reply = reply.map_err(|e| wire_error(&doing, e))?;
    session::rollback(connection).await?;
    let rows = reply.value(0).and_then(|n| n.parse().ok());
    rows.ok_or_else(|| {
        Error::new(
            Exit::Internal,
            format!("{doing}: the answer is not a number"),
        )
    })
}

fn wire_error(doing: &str, source: wire::Error) -> crate::endpoint::Error {
    crate::endpoint::Error::Wire {
        doing: doing.to_owned(),
        source,
    }
}

// ---------------------------------------------------------------------------------------------
// a run that goes on

async fn go_on(
    prepared: &mut Prepared,
    mut ledger: Ledger,
    run: &Run,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Entered, Error> {
    let owner = Owner::this_process();
    let tokens = tokens(settings.jobs);
    own(&mut ledger, run, &owner, &tokens, surroundings).await?;
    let mut progress = ledger.progress(&run.run).await?;
    adopt(prepared, &progress.plan)?;
    truncate(&mut ledger, prepared, (&run.run, &owner), &mut progress).await?;
    lock_split_tables(prepared, &progress).await?;
    let works = remaining(prepared, &progress);
    Ok(Entered {
        ledger,
        run: run.run.clone(),
        owner,
        tokens,
        continued: true,
        finished_before: false,
        progress,
        earlier_snapshot: Some(run.snapshot.clone()),
        problems: HashMap::new(),
        works,
    })
}

/// Takes the run over when its owner is gone; refuses while it lives.
async fn own(
    ledger: &mut Ledger,
    run: &Run,
    owner: &Owner,
    tokens: &[String],
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let busy = |run: &Run| {
        refused(
            format!(
                "run {} is being worked on by another wire9 process ({})",
                run.run, run.owner
            ),
            "let it finish, or stop it; then repeat the command",
        )
    };
    let mut seen = run.clone();
    match seen.owner.liveness() {
        Liveness::Gone => {}
        Liveness::Alive => return Err(busy(&seen)),
        Liveness::Elsewhere => {
            while seen.silent < EXPIRES {
                let text = format!(
                    "the run's last owner ({}) may still live; taking over in {:.0} s",
                    seen.owner,
                    (EXPIRES - seen.silent).ceil()
                );
                let _ = surroundings.events.try_send(Event::Phase(text));
                if surroundings.stop.is_cancelled() {
                    return Err(Error::new(
                        Exit::Interrupted,
                        "interrupted before anything was written",
                    ));
                }
                sleep(Duration::from_secs(1)).await;
                let beat = seen.beat;
                seen = ledger.run(&seen).await?.ok_or_else(|| busy(&seen))?;
                if seen.beat != beat {
                    return Err(busy(&seen));
                }
            }
        }
    }
    match ledger.take_over(&seen, owner, tokens).await? {
        Claim::Ours => Ok(()),
        Claim::Lost => Err(busy(&seen)),
    }
}

/// Numbers the pairs and targets of this process as the ledger's plan does.
fn adopt(prepared: &mut Prepared, plan: &PlanRows) -> Result<(), Error> {
    let matching = &prepared.matching;
    let pairs: Option<Vec<usize>> = plan
        .pairs
        .iter()
        .map(|row| matching.pairs.iter().position(|p| p.source == row.source))
        .collect();
    let targets: Option<Vec<usize>> = plan
        .targets
        .iter()
        .map(|row| matching.targets.iter().position(|t| t.name == row.name))
        .collect();
    let complete =
        (plan.pairs.len(), plan.targets.len()) == (matching.pairs.len(), matching.targets.len());
    let (Some(pairs), Some(targets), true) = (pairs, targets, complete) else {
        return Err(refused(
            "the ledger's plan names other tables than its configuration",
            "something else has written to schema wire9; begin anew with --restart",
        ));
    };
    let mut number = vec![0; targets.len()];
    for (new, &old) in targets.iter().enumerate() {
        number[old] = new;
    }
    let mut matching = std::mem::take(&mut prepared.matching);
    matching.pairs = pairs.iter().map(|&i| matching.pairs[i].clone()).collect();
    matching.targets = targets
        .iter()
        .map(|&i| matching.targets[i].clone())
        .collect();
    for pair in &mut matching.pairs {
        pair.target = number[pair.target];
    }
    for target in &mut matching.targets {
        target.parents.iter_mut().for_each(|p| *p = number[*p]);
        target
            .references
            .iter_mut()
            .for_each(|r| r.parent = number[r.parent]);
    }
    prepared.waves = targets.iter().map(|&i| prepared.waves[i]).collect();
    prepared.matching = matching;
    Ok(())
}

/// Tables of several chunks keep their lock from before the first read to the last, here, too.
async fn lock_split_tables(prepared: &mut Prepared, progress: &Progress) -> Result<(), Error> {
    let mut split: Vec<usize> = progress
        .plan
        .chunks
        .iter()
        .filter(|(_, number, bounds, _)| *number == 0 && *bounds != Bounds::Whole)
        .map(|(pair, ..)| *pair)
        .collect();
    split.dedup();
    for pair in split {
        let pair = &prepared.matching.pairs[pair];
        let (source, oid) = (pair.source.clone(), pair.oid);
        prepared.keeper().lock(&source, oid).await?;
    }
    Ok(())
}

/// All chunks with the batches that are committed of them, parents first, tables side by side.
fn remaining(prepared: &Prepared, progress: &Progress) -> Vec<Work> {
    let mut chunks: Vec<Chunk> = progress
        .plan
        .chunks
        .iter()
        .map(|(table, number, bounds, bytes)| Chunk {
            table: *table,
            number: *number,
            bounds: bounds.clone(),
            bytes: *bytes,
        })
        .collect();
    chunks.sort_by_key(|c| {
        let wave = prepared.waves[prepared.matching.pairs[c.table].target];
        (wave, c.number, c.table)
    });
    chunks
        .iter()
        .map(|c| {
            let mut work = work(&prepared.matching.pairs[c.table], prepared, c);
            work.done = progress
                .batches
                .get(&(c.table, c.number))
                .cloned()
                .unwrap_or_default();
            work
        })
        .collect()
}

fn work(pair: &Pair, prepared: &Prepared, chunk: &Chunk) -> Work {
    Work {
        table: chunk.table,
        source: pair.source.clone(),
        oid: pair.oid,
        target: prepared.matching.targets[pair.target].name.clone(),
        columns: pair.columns.clone(),
        recipe: pair.recipe.clone(),
        condition: pair.condition.clone(),
        chunk: chunk.number,
        bounds: chunk.bounds.clone(),
        done: Vec::new(),
    }
}

/// Before a run goes on: the target must hold what the ledger says, and the source must still have
/// the rows that were copied. Tables of which that is not so are left out, by name.
pub(super) async fn prove(
    entered: &mut Entered,
    prepared: &Prepared,
    shared: &Shared,
    settings: &Settings,
    phase: &impl Fn(&str),
) -> Result<(), Error> {
    if !entered.continued {
        return Ok(());
    }
    phase("comparing the target with the ledger");
    let counts = engine::count_target(shared, &prepared.target_names(), settings.jobs).await;
    held(&entered.progress, counts, false)?;
    let earlier = entered
        .earlier_snapshot
        .as_deref()
        .and_then(|t| serde_json::from_str(t).ok());
    let still = |earlier: crate::endpoint::snapshot::Snapshot| {
        earlier.shows_the_same_as(&prepared.snapshot)
    };
    if earlier.is_some_and(still) {
        return Ok(());
    }
    phase("the source may have been written since: comparing what was copied with the source");
    let begun: Vec<Work> = entered
        .works
        .iter()
        .filter(|w| !w.done.is_empty())
        .cloned()
        .collect();
    let same = engine::redigest(shared, &begun, settings.jobs).await?;
    for (work, same) in begun.iter().zip(same) {
        if !same {
            let problem = "rows that were copied have changed on the source since; this table can not \
                           be continued: begin anew with --restart";
            entered.problems.insert(work.table, problem.to_owned());
        }
    }
    if entered.problems.is_empty() {
        let snapshot = snapshot_text(prepared);
        entered
            .ledger
            .set_snapshot(&entered.run, &entered.owner, &snapshot)
            .await?;
    }
    Ok(())
}

/// The target tables must hold what the ledger says; more rows are a fault only while the run is
/// unfinished.
fn held(progress: &Progress, counts: engine::Counts, may_have_more: bool) -> Result<(), Error> {
    let mut wrong = Vec::new();
    for ((number, target), counted) in progress.plan.targets.iter().enumerate().zip(counts) {
        let expected = target.baseline.unwrap_or(0) + progress.loaded(number);
        let counted = counted?;
        if counted < expected || (counted > expected && !may_have_more) {
            wrong.push(format!(
                "{} should hold {expected} rows and holds {counted}",
                target.name
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!(
            "the target does not hold what the ledger says: {}",
            few(&wrong)
        ),
        "somebody else has changed these tables; begin anew with --restart",
    ))
}

// ---------------------------------------------------------------------------------------------
// a run that is done, and one that is dropped

async fn finished(
    prepared: &mut Prepared,
    mut ledger: Ledger,
    run: &Run,
) -> Result<Entered, Error> {
    let progress = ledger.progress(&run.run).await?;
    adopt(prepared, &progress.plan)?;
    let mut counts = Vec::new();
    for target in &progress.plan.targets {
        counts.push(Ok(count(&mut ledger, prepared, &target.name).await?));
    }
    held(&progress, counts, true)?;
    Ok(Entered {
        ledger,
        run: run.run.clone(),
        owner: Owner::this_process(),
        tokens: Vec::new(),
        continued: true,
        finished_before: true,
        progress,
        earlier_snapshot: None,
        problems: HashMap::new(),
        works: Vec::new(),
    })
}

/// `--restart`: takes the old run over, so that nothing of it can commit any more, empties the tables
/// that it filled, and forgets it.
async fn drop_run(
    ledger: &mut Ledger,
    run: &Run,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let owner = Owner::this_process();
    own(ledger, run, &owner, &[], surroundings).await?;
    let progress = ledger.progress(&run.run).await?;
    let filled: Vec<(usize, &TargetRow)> = progress
        .plan
        .targets
        .iter()
        .enumerate()
        .filter(|(number, _)| progress.loaded(*number) > 0)
        .collect();
    let mixed: Vec<String> = filled
        .iter()
        .filter(|(_, t)| t.baseline != Some(0))
        .map(|(_, t)| t.name.to_string())
        .collect();
    if !mixed.is_empty() {
        return Err(refused(
            format!(
                "rows of run {} can not be told from others in: {}",
                run.run,
                few(&mixed)
            ),
            "these tables held rows before it appended to them; empty them by hand, or restore them, \
             then drop schema wire9",
        ));
    }
    let names: Vec<String> = filled.iter().map(|(_, t)| t.name.to_string()).collect();
    let text = match names.is_empty() {
        true => format!(
            "--restart: dropping run {}, which has loaded nothing",
            run.run
        ),
        false => format!(
            "--restart: dropping run {} and the rows it loaded into: {}",
            run.run,
            few(&names)
        ),
    };
    let _ = surroundings.events.try_send(Event::Notice(text));
    for (number, target) in filled.iter().rev() {
        empty(ledger, &run.run, &owner, (*number, &target.name)).await?;
    }
    ledger.forget(&run.run, &owner).await?;
    Ok(())
}

fn snapshot_text(prepared: &Prepared) -> String {
    serde_json::to_string(&prepared.snapshot).expect("a snapshot is JSON")
}

fn tokens(jobs: usize) -> Vec<String> {
    (0..jobs).map(|_| Uuid::new_v4().to_string()).collect()
}

/// The first twenty of a list, and how many more there are.
fn few(names: &[String]) -> String {
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
