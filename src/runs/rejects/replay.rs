//! Loading rejected rows again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::copytext::Spread;
use crate::endpoint::probe::{ProbeSettings, probe_rows};
use crate::endpoint::session::{WriteSettings, prepare_write};
use crate::engine::{Heartbeat, Watchdog};
use crate::lane::rejects::{
    Aside, FileError, Known, Lengths, OpenError, Rejects, list, remove_empty,
};
use crate::lane::{self, Loading, Pace, Queue, Work};
use crate::ledger::{Batch, Ledger, Owner, Progress, REPLAY, Run, State};
use crate::metrics::{BatchFact, Event, Waits};
use crate::plan::Bounds;
use crate::profile::Profile;

use super::super::copy::Surroundings;
use super::super::copy::resume::own;
use super::super::error::{Error, Exit};
use super::super::prepare::configuration::{Configuration, Way};
use super::super::prepare::{check_profile, loading};
use super::super::reach;
use super::{Outcome, Replayed, Settings};

/// Bytes of a batch at most: rejected rows are few, and one lane loads them.
const BATCH: usize = 8 << 20;

/// Loads rejected rows again; each that loads leaves its file.
///
/// # Errors
/// What ended it; batches that were committed stay, and the same command continues.
pub async fn replay(settings: &Settings, surroundings: &Surroundings) -> Result<Outcome, Error> {
    let began = Instant::now();
    let mut target = reach_target(settings).await?;
    let Some(run) = find_run(settings, &mut target.ledger).await? else {
        return Ok(Outcome {
            run: None,
            tables: Vec::new(),
            interrupted: false,
            wall: began.elapsed(),
        });
    };
    let configuration = Configuration::from_text(&run.settings).ok_or_else(unknown_way)?;
    if let Some(path) = configuration.target_search_path() {
        target.write.search_path(path)?;
    }
    let owner = Owner::this_process();
    let mut replay = Replay {
        settings,
        surroundings,
        configuration,
        loading: loading(
            &run.run,
            (&target.options, &target.profile, &target.write),
            (1, BATCH, Pace::new(settings.retry_for)),
            surroundings,
        ),
        token: Uuid::new_v4().to_string(),
        loaded: BTreeMap::new(),
        run: run.run.clone(),
    };
    let mut ledger = target.ledger;
    own(
        &mut ledger,
        &run,
        &owner,
        &[replay.token.clone()],
        surroundings,
    )
    .await?;
    let heartbeat = Heartbeat::start(ledger.beside(), run.run.clone(), owner.clone());
    let silence = target.options.reply_timeout();
    let watchdog = Watchdog::of(&replay.loading, settings.stall_after, silence);
    let progress = tokio::select! {
        progress = watchdog.over(replay.rounds(&mut ledger)) => progress??,
        error = heartbeat.lost() => return Err(error.into()),
    };
    Ok(Outcome {
        tables: replay.tables(&progress)?,
        run: Some(run.run),
        interrupted: surroundings.stop.is_cancelled(),
        wall: began.elapsed(),
    })
}

/// The target, and what it accepts.
struct Target {
    ledger: Ledger,
    options: crate::wire::ConnectOptions,
    profile: Profile,
    write: WriteSettings,
}

async fn reach_target(settings: &Settings) -> Result<Target, Error> {
    let reached = reach::target(&settings.target).await?;
    let (mut connection, options) = (reached.connection, reached.options);
    let probing = ProbeSettings {
        reconnect: Some(options.clone()),
        copy_bytes: BATCH,
    };
    let mut profile = probe_rows(&mut connection, &probing).await?.profile;
    if let Some(given) = reach::given(settings.profile.as_deref())? {
        profile.overlay(given);
    }
    check_profile(&profile, &mut Vec::new())?;
    let mut write = WriteSettings::new("wire9", &profile);
    prepare_write(&mut connection, &mut write).await?;
    Ok(Target {
        ledger: Ledger::new(connection, options.clone(), write.clone()),
        options,
        profile,
        write,
    })
}

/// The run that the files name: it must be done, so that no lane still writes to them.
async fn find_run(settings: &Settings, ledger: &mut Ledger) -> Result<Option<Run>, Error> {
    let folder = settings.folder.display();
    let listed = list(&settings.folder).map_err(OpenError::from)?;
    let runs: BTreeSet<&str> = listed.iter().map(|file| file.header.run.as_str()).collect();
    let id = match runs.iter().collect::<Vec<_>>().as_slice() {
        [] => {
            nothing_is_missing(settings, ledger).await?;
            return Ok(None);
        }
        [run] => (**run).to_owned(),
        _ => {
            let what = format!("{folder} holds rejected rows of several runs");
            return Err(Error::new(Exit::Refused, what).advise(
                "put the files of each run into a folder of its own (`wire9 rejects list`)",
            ));
        }
    };
    let Some(run) = ledger.find(&id).await? else {
        let what =
            format!("the target does not know run {id}, whose rejected rows are in {folder}");
        return Err(Error::new(Exit::Refused, what)
            .advise("name the target that this run loaded; or load the files by psql (\\copy)"));
    };
    if run.state == State::Open {
        let what = format!("run {id}, whose rejected rows are in {folder}, is unfinished");
        return Err(Error::new(Exit::Refused, what)
            .advise("finish it first: the command that began it, with a higher --max-rejects"));
    }
    Ok(Some(run))
}

/// Where there are no files, the ledger must count no rejected rows.
async fn nothing_is_missing(settings: &Settings, ledger: &mut Ledger) -> Result<(), Error> {
    let runs = ledger.survey().await?.unwrap_or_default();
    match runs.iter().find(|run| run.rejected > 0) {
        None => Ok(()),
        Some(run) => {
            let what = format!(
                "run {} has rejected {} rows, and there are none in {}",
                run.run.run,
                run.rejected,
                settings.folder.display()
            );
            Err(Error::new(Exit::Refused, what)
                .advise("run the command where the files are, or name their folder with --rejects"))
        }
    }
}

fn unknown_way() -> Error {
    Error::new(
        Exit::Refused,
        "the run was begun by another version of wire9",
    )
    .advise("replay its rows with that version, or load the files by psql (\\copy)")
}

/// A replay on its way.
struct Replay<'a> {
    settings: &'a Settings,
    surroundings: &'a Surroundings,
    configuration: Configuration,
    loading: Loading,
    run: String,
    token: String,
    /// Rows that this process loaded, by pair.
    loaded: BTreeMap<usize, u64>,
}

impl Replay<'_> {
    /// Rounds over all tables until one loads nothing; answers what the ledger says then.
    async fn rounds(&mut self, ledger: &mut Ledger) -> Result<Progress, Error> {
        loop {
            let before = ledger.progress(&self.run).await?;
            for pair in 0..before.plan.pairs.len() {
                if !self.surroundings.stop.is_cancelled() {
                    self.table(&before, pair).await?;
                }
            }
            let after = ledger.progress(&self.run).await?;
            let remaining = |progress: &Progress| -> u64 {
                progress
                    .by_pair()
                    .iter()
                    .map(|loaded| loaded.rejected)
                    .sum()
            };
            let (was, is) = (remaining(&before), remaining(&after));
            let loaded = was.saturating_sub(is);
            for (pair, (before, after)) in before.by_pair().iter().zip(after.by_pair()).enumerate()
            {
                *self.loaded.entry(pair).or_default() += after.rows.saturating_sub(before.rows);
            }
            if is == 0 || loaded == 0 || self.surroundings.stop.is_cancelled() {
                return Ok(after);
            }
        }
    }

    /// Loads the rejected rows of one table again, once.
    async fn table(&mut self, progress: &Progress, pair: usize) -> Result<(), Error> {
        let source = progress.plan.pairs[pair].source.clone();
        let generation = Generation::of(progress, pair);
        let folder = self.settings.folder.clone();
        let (number, name) = (generation.number, source.clone());
        let set = blocking(move || Aside::set(&folder, &name, number)).await?;
        let Some(aside) = set else {
            let folder = self.settings.folder.clone();
            return blocking(move || remove_empty(&folder, &source)).await;
        };
        let phase = format!("loading {} rejected rows of {source}", aside.rows);
        let _ = self.surroundings.events.try_send(Event::Phase(phase));
        let way = self.configuration.way_of(&source).ok_or_else(unknown_way)?;
        self.loading.rejects = Some(Arc::new(self.files(pair, &source, &way, &generation)?));
        let work = Work {
            table: pair,
            oid: 0,
            target: way.target,
            columns: way.columns,
            expressions: BTreeMap::new(),
            recipe: way.recipe,
            spread: Spread::default(),
            condition: None,
            chunk: REPLAY + generation.number,
            bounds: Bounds::Whole,
            done: generation.done,
            source: source.clone(),
        };
        let token = self.token.clone();
        let is_over = lane::replay(&self.loading, &Alone, (work, &aside), token).await?;
        if is_over {
            let folder = self.settings.folder.clone();
            blocking(move || aside.remove().and_then(|()| remove_empty(&folder, &source))).await?;
        }
        Ok(())
    }

    /// Where rows of the table go that are refused again.
    fn files(
        &self,
        pair: usize,
        source: &crate::catalog::TableName,
        way: &Way,
        generation: &Generation,
    ) -> Result<Rejects, Error> {
        let known = Known {
            source: source.clone(),
            target: way.target.clone(),
            columns: way.columns.iter().map(|(_, to)| to.clone()).collect(),
            estimate: 0,
            read: 0,
            rejected: 0,
            lengths: generation.lengths,
        };
        let tables = BTreeMap::from([(pair, known)]);
        Ok(Rejects::open(
            &self.settings.folder,
            &self.run,
            None,
            tables,
        )?)
    }

    /// What the ledger, and the folder, say of each table that has, or had, rejected rows.
    fn tables(&self, progress: &Progress) -> Result<Vec<Replayed>, Error> {
        let listed = list(&self.settings.folder).map_err(OpenError::from)?;
        let kept = |source| -> u64 {
            let of = listed.iter().filter(|file| file.header.source == source);
            of.map(|file| file.rows).sum()
        };
        let pairs = progress.plan.pairs.iter().zip(progress.by_pair());
        let tables = pairs.enumerate().map(|(pair, (row, loaded))| Replayed {
            source: row.source.clone(),
            loaded: self.loaded.get(&pair).copied().unwrap_or(0),
            remaining: loaded.rejected,
            missing: loaded.rejected.saturating_sub(kept(row.source.clone())),
        });
        Ok(tables.filter(|t| t.loaded > 0 || t.remaining > 0).collect())
    }
}

/// The generation of a table's rejected rows that is to be loaded, or is being loaded.
struct Generation {
    number: u32,
    /// What is committed of it.
    done: Vec<Batch>,
    /// Of the files of rows that it has refused again.
    lengths: Lengths,
}

impl Generation {
    fn of(progress: &Progress, pair: usize) -> Self {
        let replays = progress.batches.range((pair, REPLAY)..=(pair, u32::MAX));
        let (number, done) = match replays.last() {
            Some(((_, chunk), batches)) if batches.last().is_some_and(|batch| batch.last) => {
                (chunk - REPLAY + 1, Vec::new())
            }
            Some(((_, chunk), batches)) => (chunk - REPLAY, batches.clone()),
            None => (1, Vec::new()),
        };
        let lengths = done.iter().map(|batch| Lengths::of(batch.files)).max();
        Self {
            number,
            done,
            lengths: lengths.unwrap_or_default(),
        }
    }
}

/// File work on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, Error> {
    match spawn_blocking(work).await {
        Ok(done) => Ok(done.map_err(OpenError::from)?),
        Err(died) => {
            let what = "wire9 has a fault: the work on the files of rejected rows died";
            Err(Error::new(Exit::Internal, what).because(died))
        }
    }
}

/// The lane gets its work one by one, and the ledger is asked what became of it.
struct Alone;

impl Queue for Alone {
    async fn next(&self) -> Option<Work> {
        None
    }

    fn began(&self, _: &Work) {}

    fn committed(&self, _: &BatchFact, _: u32, _: bool) {}

    fn waited(&self, _: usize, _: &Waits) {}

    fn retried(&self, _: usize) {}
}
