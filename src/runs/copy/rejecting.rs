//! Where a run puts rows that can not be loaded.

use std::sync::Arc;

use crate::catalog::TableName;
use crate::lane::rejects::{Known, Lengths, OpenError, Rejects};
use crate::ledger::{Progress, REPLAY};
use crate::schema::Pair;

use super::super::error::{Error, Exit};
use super::super::prepare::{Prepared, Rejecting};

/// Finds the files of a run and cuts them back to what the ledger counts; nothing where rows are not to be
/// rejected.
pub(super) fn open(
    prepared: &Prepared,
    progress: &Progress,
    run: &str,
    rejecting: &Rejecting,
) -> Result<Option<Arc<Rejects>>, Error> {
    if !rejecting.reject {
        return Ok(None);
    }
    let pairs = prepared.matching.pairs.iter().enumerate();
    let tables = pairs
        .map(|(number, pair)| (number, known(prepared, progress, (number, pair))))
        .collect();
    let opened = Rejects::open(&rejecting.folder, run, rejecting.limit, tables);
    Ok(Some(Arc::new(opened?)))
}

fn known(prepared: &Prepared, progress: &Progress, (number, pair): (usize, &Pair)) -> Known {
    let table = prepared.catalog.by_oid(pair.oid);
    let batches = progress
        .batches
        .range((number, 0)..(number, REPLAY))
        .flat_map(|(_, batches)| batches);
    let mut known = Known {
        source: pair.source.clone(),
        target: target(prepared, pair),
        columns: pair.columns.iter().map(|(_, to)| to.clone()).collect(),
        estimate: table.map_or(0, |table| table.estimated_rows()),
        read: 0,
        rejected: 0,
        lengths: Lengths::default(),
    };
    for batch in batches {
        known.read += batch.all().rows;
        known.rejected += batch.rejected.rows;
        known.lengths = known.lengths.max(Lengths::of(batch.files));
    }
    known
}

fn target(prepared: &Prepared, pair: &Pair) -> TableName {
    prepared.matching.targets[pair.target].name.clone()
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        let advice = match &error {
            OpenError::Missing { .. } => {
                "these files may be the only copy of the rows: run the command where they are, or name \
                 their folder with --rejects; or begin anew with --restart"
            }
            OpenError::Foreign { .. } => {
                "replay them, move them away, or name another folder with --rejects"
            }
            _ => "look at the rights of the folder of --rejects, and at its disk",
        };
        let what = error.to_string();
        let mut refused = Self::new(Exit::Refused, what).advise(advice);
        if let OpenError::File(file) = error {
            refused = refused.because(file.source);
        }
        refused
    }
}
