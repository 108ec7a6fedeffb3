//! Makes target tables equal to the source, row by row, in ledgered transactions of bounded size.
//!
//! ```text
//! digests of buckets, both sides ─▶ buckets that differ, as many as fit ─▶ wrong keys
//!   ─▶ their rows, as many as fit ─▶ batches ─▶ BEGIN … COMMIT
//! ```
//!
//! Rows that are too many go first, from children to parents; the others come from parents to children. Nothing
//! needs to be remembered for a repair that dies: what is left to be done is what still differs. What a
//! transaction has changed is in the ledger all the same, so that none is done twice.

mod apply;
mod gather;
mod order;
mod plan;
mod statements;

use crate::catalog::DataType;
use crate::copytext::{Buckets, Fingerprint, Rows};
use crate::lane::Shared;
use crate::ledger::{Changes, Fence, Ledger};

use super::difference::{KEPT, Wrong, affordable, wrong_keys};
use super::error::{Error, Result};
use super::target::{self, Target};
use super::{Sides, Table, each_chunk, each_row};
use apply::{Done, Writer};
use gather::gather;
use plan::Change;

/// A table that is to be repaired.
pub struct Subject<'a> {
    /// The table, and the rows that belong there.
    pub table: &'a Table,
    /// Its number among the targets of the run whose lane writes.
    pub number: usize,
    /// Its columns' types, in the order compared; empty where they are not known.
    pub types: Vec<DataType>,
    /// The tables that its foreign keys refer to: places among the subjects.
    pub parents: Vec<usize>,
    /// Whether a foreign key refers to it.
    pub referenced: bool,
}

impl Subject<'_> {
    fn keyless(&self) -> bool {
        self.table.comparison.keys.is_empty()
    }

    /// The columns by which a row is found.
    fn known_by(&self) -> Vec<usize> {
        match self.keyless() {
            true => (0..self.table.columns.len()).collect(),
            false => self.table.comparison.keys.clone(),
        }
    }

    fn is_related(&self) -> bool {
        self.referenced || !self.parents.is_empty()
    }
}

/// How much is done at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Chunks of the source that are read at once.
    pub jobs: usize,
    /// Bytes of rows that are kept at once.
    pub memory: usize,
    /// Bytes of rows in one transaction; a longer row passes alone.
    pub batch: usize,
}

impl Limits {
    /// Fingerprints of either side that are kept at once: those of both, and the wrong keys among them.
    fn fingerprints(self) -> u64 {
        let fit = self.memory / (4 * size_of::<Fingerprint>());
        (fit as u64).min(KEPT)
    }
}

/// What became of a table.
#[derive(Debug)]
pub struct Outcome {
    /// Rows that this repair has changed.
    pub changes: Changes,
    /// Why it is not equal yet, where the target did not take all of it.
    pub refused: Option<Error>,
}

/// What a repair of a table would change.
///
/// # Errors
/// Of reading either side.
pub async fn survey(shared: &Shared, table: &Table, limits: Limits) -> Result<Changes> {
    let on = Target::new(shared, limits.jobs);
    let mut changes = Changes::default();
    let mut differing = Differing::find((shared, &on), table, limits).await?;
    while let Some(wrong) = differing.next((shared, &on), table).await? {
        for wrong in &wrong {
            changes += Change::new(wrong, false, Vec::new(), Vec::new()).changes;
        }
    }
    on.close().await;
    Ok(changes)
}

/// After so many rounds a table stays as it is: in the first one, rows may stand in each other's way.
const ROUNDS: usize = 3;

/// Repairs tables, one after the other; what became of each.
///
/// A batch that the target refuses is tried again once others are in: its rows may refer to theirs. Where a unique
/// value was taken, which two rows may have swapped, all wrong rows go then before others come.
///
/// # Errors
/// Of reading either side, the ledger's, `Stopped`. What was committed stays, and the same repair again goes on.
pub async fn repair(
    shared: &Shared,
    (ledger, fence): (&mut Ledger, &Fence),
    subjects: &[Subject<'_>],
    limits: Limits,
) -> Result<Vec<Outcome>> {
    let before = ledger.repaired(&fence.run).await.map_err(Error::Ledger)?;
    let on = Target::new(shared, limits.jobs);
    let mut repairing = Repairing {
        sides: (shared, &on),
        limits,
        writer: Writer {
            ledger,
            fence,
            stop: &shared.loading.stop,
            board: &shared.loading.board,
        },
    };
    let next = |subject: &Subject<'_>| before.get(&subject.number).map_or(0, |r| r.next);
    let mut done: Vec<Done> = subjects
        .iter()
        .map(|subject| Done {
            next: next(subject),
            ..Done::default()
        })
        .collect();
    let parents: Vec<&[usize]> = subjects.iter().map(|s| s.parents.as_slice()).collect();
    let mut open = order::parents_first(&parents);
    for round in 0..ROUNDS {
        let so_far = total(&done);
        repairing.round(subjects, &open, round, &mut done).await?;
        open.retain(|&place| done[place].refused.is_some());
        if open.is_empty() || (round > 0 && total(&done) == so_far) {
            break;
        }
    }
    on.close().await;
    Ok(done
        .into_iter()
        .map(
            |Done {
                 changes, refused, ..
             }| Outcome { changes, refused },
        )
        .collect())
}

fn total(done: &[Done]) -> u64 {
    done.iter().map(|done| done.changes.total()).sum()
}

/// What a pass over a table does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Takes away what is too many.
    Extra,
    /// Takes away what is too many or other than it should be.
    Wrong,
    /// Does all that is left.
    All,
}

impl Pass {
    /// What it does about a key; `None`: nothing.
    fn of(self, change: Change) -> Option<Change> {
        match self {
            Self::All => Some(change),
            Self::Extra => change.ours.is_empty().then_some(change),
            Self::Wrong => (!change.theirs.is_empty()).then(|| change.only_deletes()),
        }
    }
}

struct Repairing<'a, 'w> {
    sides: Sides<'a>,
    limits: Limits,
    writer: Writer<'w>,
}

impl Repairing<'_, '_> {
    async fn round(
        &mut self,
        subjects: &[Subject<'_>],
        order: &[usize],
        round: usize,
        done: &mut [Done],
    ) -> Result<()> {
        for &place in order.iter().rev() {
            let subject = &subjects[place];
            let pass = match subject.referenced {
                _ if round == 0 && !subject.is_related() => continue,
                false if done[place].is_in_the_way() => Pass::Wrong,
                _ => Pass::Extra,
            };
            // What is refused here is met again by the pass that does all.
            self.pass(subject, pass, &mut done[place]).await?;
        }
        for &place in order {
            done[place].refused = None;
            let pass = self.pass(&subjects[place], Pass::All, &mut done[place]);
            pass.await?;
        }
        Ok(())
    }

    async fn pass(&mut self, subject: &Subject<'_>, pass: Pass, done: &mut Done) -> Result<()> {
        let (sides, table, limits) = (self.sides, subject.table, self.limits);
        let mut differing = Differing::find(sides, table, limits).await?;
        while let Some(mut wrong) = differing.next(sides, table).await? {
            if pass == Pass::Extra {
                wrong.retain(|w| w.extra() > 0);
            }
            while !wrong.is_empty() {
                let (mut ours, mut theirs) = gather(sides, subject, &wrong, limits).await?;
                let below = |w: &Wrong| ours.ceiling.is_none_or(|ceiling| w.key < ceiling);
                let now = wrong.partition_point(below);
                let changes = wrong.drain(..now).filter_map(|w| {
                    let (ours, theirs) = (ours.take(w.key), theirs.take(w.key));
                    pass.of(Change::new(&w, subject.keyless(), ours, theirs))
                });
                for batch in plan::batches(changes.collect(), limits.batch) {
                    self.writer.write(subject, batch, done).await?;
                }
            }
        }
        Ok(())
    }
}

/// The buckets of a table that differ and were not looked into yet.
struct Differing {
    source: Buckets,
    target: Buckets,
    left: Vec<usize>,
    limits: Limits,
}

impl Differing {
    async fn find((shared, on): Sides<'_>, table: &Table, limits: Limits) -> Result<Self> {
        let see = |buckets: &mut Buckets, rows: &Rows| {
            for row in each_row(rows) {
                buckets.add(table.comparison.fingerprint(row));
            }
        };
        let (source, target) = futures::try_join!(
            each_chunk(shared, table, limits.jobs, Buckets::default, see),
            target::scan(on, table, Buckets::default, see),
        )?;
        Ok(Self {
            left: source.differing(&target),
            source,
            target,
            limits,
        })
    }

    /// The wrong keys of as many buckets as fit into memory.
    async fn next(&mut self, sides: Sides<'_>, table: &Table) -> Result<Option<Vec<Wrong>>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let rows = |bucket| self.source.rows(bucket).max(self.target.rows(bucket));
        let wanted = affordable(&self.left, self.limits.fingerprints(), rows);
        self.left.retain(|bucket| !wanted.contains(bucket));
        let jobs = self.limits.jobs;
        wrong_keys(sides, table, &wanted, jobs).await.map(Some)
    }
}
