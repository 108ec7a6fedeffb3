//! What was prepared, as lanes need it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::copytext::Spread;
use crate::endpoint::session::WriteSettings;
use crate::lane::{Board, Loading, Pace, Seats, Shared, Work};
use crate::plan::Chunk;
use crate::profile::Profile;
use crate::schema::Pair;
use crate::wire::{ConnectOptions, Pulse};

use super::{Prepared, Settings, Surroundings};

/// A chunk as a lane needs it, nothing of it done.
pub(in crate::runs) fn work(prepared: &Prepared, chunk: &Chunk) -> Work {
    let pair = &prepared.matching.pairs[chunk.table];
    Work {
        table: chunk.table,
        source: pair.source.clone(),
        oid: pair.oid,
        target: prepared.matching.targets[pair.target].name.clone(),
        columns: pair.columns.clone(),
        expressions: pair.expressions.clone(),
        recipe: pair.recipe.clone(),
        spread: Spread::new(&key(prepared, pair), &pair.recipe),
        condition: pair.condition.clone(),
        chunk: chunk.number,
        bounds: chunk.bounds.clone(),
        done: Vec::new(),
    }
}

/// The places of the key's columns among those that are sent; empty without a key, or where not all of it
/// is sent.
fn key(prepared: &Prepared, pair: &Pair) -> Vec<usize> {
    let table = prepared.catalog.by_oid(pair.oid);
    let Some(key) = table.and_then(|table| table.keys.first()) else {
        return Vec::new();
    };
    let place = |name: &String| pair.columns.iter().position(|(from, _)| from == name);
    let places: Option<Vec<usize>> = key.columns.iter().map(|(name, _)| place(name)).collect();
    places.unwrap_or_default()
}

/// What all lanes have in common.
pub(in crate::runs) fn shared(
    prepared: &Prepared,
    run: &str,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Shared {
    let lanes = u64::try_from(settings.jobs).unwrap_or(u64::MAX);
    let batch_limit = settings.max_memory / (2 * lanes).max(1);
    let batch_limit = usize::try_from(batch_limit).unwrap_or(usize::MAX).max(1);
    let target = &prepared.target;
    let target = (&target.options, &target.profile, &target.write);
    let pace = Pace::new(settings.retry_for);
    let loading = loading(
        run,
        target,
        (settings.jobs, batch_limit, pace),
        surroundings,
    );
    let mut source = prepared.source_options.clone();
    source.set_pulse(loading.board.pulse());
    Shared {
        loading,
        source,
        snapshot: prepared.snapshot.clone(),
        alone: Arc::new(Semaphore::new(1)),
        rate: None,
        scans: Arc::new(Seats::new(settings.jobs)),
    }
}

/// What so many lanes need to write to a target, with batches of so many bytes at most.
pub(in crate::runs) fn loading(
    run: &str,
    (options, profile, write): (&ConnectOptions, &Profile, &WriteSettings),
    (lanes, batch_limit, pace): (usize, usize, Pace),
    surroundings: &Surroundings,
) -> Loading {
    let yes = |fact| Profile::yes(fact) == Some(true);
    let line_limit = profile.max_line_bytes.as_ref();
    let line_limit = line_limit.map_or(u64::MAX, |fact| fact.value);
    let board = Arc::new(Board::new(lanes, Pulse::default()));
    let mut target = options.clone();
    target.set_pulse(board.pulse());
    Loading {
        run: run.to_owned(),
        target,
        settings: write.clone(),
        multi_statement: yes(&profile.multi_statement),
        terminate_backend: yes(&profile.terminate_backend),
        line_limit: usize::try_from(line_limit).unwrap_or(usize::MAX),
        batch_limit,
        pace,
        events: surroundings.events.clone(),
        stop: surroundings.stop.child_token(),
        board,
        rejects: None,
    }
}
