//! What each half of each lane is doing at the moment, for who wonders why nothing moves.
//!
//! A lane posts when it begins to do, or to wait for, something else: a few times for each batch. Each
//! post is a sign of life, and so is every byte that goes over a connection of the run; both are counted
//! by the board's [`Pulse`].

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::catalog::TableName;
use crate::wire::Pulse;

/// A half of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Source to batch.
    Reader,
    /// Batch to target.
    Writer,
}

/// What a half does or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reader: for a chunk, which there is when the tables that others refer to are complete.
    Chunk,
    /// Reader: for a connection to the source, a transaction under the snapshot, a lock on the table.
    BeginRead,
    /// Reader: for rows of the source.
    Source,
    /// Reader: for a batch that the target has taken.
    Room,
    /// Reader: for another lane's row that takes more than its share of the memory.
    Alone,
    /// Reader: for the end of its transaction on the source.
    EndRead,
    /// Either: a pause before it is tried again.
    Pause,
    /// Writer: for rows of its own reader.
    Rows,
    /// Writer: for a connection to the target, and its transaction.
    BeginWrite,
    /// Writer: for the target to take rows.
    Copy,
    /// Writer: for the answer to the ledger row.
    Ledger,
    /// Writer: for the answer to COMMIT.
    Commit,
    /// Writer: for the old transaction to be gone, and the ledger's word on it.
    Doubt,
    /// Who compares: for rows of the target.
    Target,
    /// Who repairs: for the target to have changed and committed rows.
    Repair,
    /// Either: nothing more to do.
    Ended,
}

impl Stage {
    /// In words, `waiting for COMMIT`.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Chunk => "waiting for a chunk (its table waits for those that it refers to)",
            Self::BeginRead => "beginning to read from the source",
            Self::Source => "reading from the source",
            Self::Room => "waiting for room, since the target is behind",
            Self::Alone => "waiting until another lane's large row has passed",
            Self::EndRead => "ending its transaction on the source",
            Self::Pause => "pausing before it is tried again",
            Self::Rows => "waiting for rows of the source",
            Self::BeginWrite => "beginning a transaction on the target",
            Self::Copy => "writing to the target",
            Self::Ledger => "waiting for the ledger row on the target",
            Self::Commit => "waiting for COMMIT on the target",
            Self::Doubt => "deciding a doubtful COMMIT on the target",
            Self::Target => "reading from the target",
            Self::Repair => "changing rows of the target",
            Self::Ended => "has ended",
        }
    }
}

/// What one half is doing.
#[derive(Debug, Clone)]
struct Doing {
    stage: Stage,
    table: Option<TableName>,
    since: Instant,
}

/// Where all lanes post. The poster's lock is never held for longer than a post.
#[derive(Debug)]
pub struct Board {
    lanes: Vec<[Mutex<Doing>; 2]>,
    pulse: Pulse,
}

/// A half that has not ended, for people: `lane 2: waiting for COMMIT on the target, table s.t, 61 s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Number of the lane, from 0.
    pub lane: usize,
    /// What it does.
    pub stage: Stage,
    /// Of which table.
    pub table: Option<TableName>,
    /// For how long, without a step.
    pub lasts: Duration,
}

impl Board {
    /// A board for so many lanes; `pulse` counts their signs of life.
    pub fn new(lanes: usize, pulse: Pulse) -> Self {
        let idle = || {
            Mutex::new(Doing {
                stage: Stage::Ended,
                table: None,
                since: Instant::now(),
            })
        };
        Self {
            lanes: (0..lanes).map(|_| [idle(), idle()]).collect(),
            pulse,
        }
    }

    /// Signs of life of everything that belongs to the run.
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// A half does something else from now on.
    pub fn post(&self, lane: usize, half: Half, stage: Stage, table: Option<&TableName>) {
        self.pulse.beat();
        let Some(halves) = self.lanes.get(lane) else {
            return;
        };
        *lock(&halves[half as usize]) = Doing {
            stage,
            table: table.cloned(),
            since: Instant::now(),
        };
    }

    /// What all halves that have not ended are doing, by lane; the reader of a lane first.
    pub fn posted(&self) -> Vec<Posted> {
        let halves =
            self.lanes.iter().enumerate().flat_map(|(lane, halves)| {
                halves.iter().map(move |half| (lane, lock(half).clone()))
            });
        halves
            .filter(|(_, doing)| doing.stage != Stage::Ended)
            .map(|(lane, doing)| Posted {
                lane,
                stage: doing.stage,
                table: doing.table,
                lasts: doing.since.elapsed(),
            })
            .collect()
    }
}

impl fmt::Display for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lane {}: {}", self.lane, self.stage.in_words())?;
        if let Some(table) = &self.table {
            write!(f, ", table {table}")?;
        }
        write!(f, ", {} s", self.lasts.as_secs())
    }
}

fn lock(half: &Mutex<Doing>) -> MutexGuard<'_, Doing> {
    // A lane that panicked ends the run; what it posted last is still the truth.
    half.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_that_have_ended_are_not_told_and_each_post_is_a_sign_of_life() {
        let board = Board::new(2, Pulse::default());
        assert_eq!(board.posted(), []);
        let table = TableName::new("public", "t");
        board.post(1, Half::Reader, Stage::Room, Some(&table));
        board.post(1, Half::Writer, Stage::Commit, Some(&table));
        board.post(0, Half::Reader, Stage::Chunk, None);
        board.post(7, Half::Reader, Stage::Chunk, None);
        let told: Vec<String> = board.posted().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "lane 0: waiting for a chunk (its table waits for those that it refers to), 0 s",
                "lane 1: waiting for room, since the target is behind, table public.t, 0 s",
                "lane 1: waiting for COMMIT on the target, table public.t, 0 s",
            ]
        );
        assert_eq!(board.pulse().count(), 4);
        board.post(1, Half::Writer, Stage::Ended, None);
        assert_eq!(board.posted().len(), 2);
    }
}
