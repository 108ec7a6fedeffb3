//! Commits batches of changes, each exactly once.

use tokio_util::sync::CancellationToken;

use crate::lane::{Board, Half, Stage};
use crate::ledger::{self, Changes, Fence, Ledger, Repair};
use crate::wire;

use super::super::error::{Error, Result};
use super::Subject;
use super::plan::{Change, sum};
use super::statements::edits;

/// Who writes, and how.
pub(super) struct Writer<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) fence: &'a Fence,
    pub(super) stop: &'a CancellationToken,
    pub(super) board: &'a Board,
}

/// What was done of one table.
#[derive(Default)]
pub(super) struct Done {
    pub(super) changes: Changes,
    /// The next transaction's number.
    pub(super) next: u64,
    /// The last batch that the target did not take.
    pub(super) refused: Option<Error>,
    /// Rows that it did not take, each tried alone.
    pub(super) alone: u32,
}

/// So many rows of a table are found that the target refuses for what they are; then the others of their batch
/// stay out with them.
const ALONE: u32 = 100;

impl Writer<'_> {
    /// Commits a batch, in halves where it is too much for the target. What the target refuses is noted.
    ///
    /// # Errors
    /// The ledger's, where nothing more can be committed, and `Stopped`.
    pub(super) async fn write(
        &mut self,
        subject: &Subject<'_>,
        batch: Vec<Change>,
        done: &mut Done,
    ) -> Result<()> {
        let mut left = vec![batch];
        while let Some(mut batch) = left.pop() {
            if self.stop.is_cancelled() {
                return Err(Error::Stopped);
            }
            let changes = sum(&batch);
            let repair = Repair {
                fence: self.fence,
                target: subject.number,
                batch: done.next,
                changes,
                edits: edits(subject, &batch),
            };
            let post = |stage| {
                let table = Some(&subject.table.name);
                self.board.post(0, Half::Writer, stage, table);
            };
            post(Stage::Repair);
            let repaired = self.ledger.repair(repair).await;
            post(Stage::Ended);
            match repaired {
                Ok(true) => {
                    done.next += 1;
                    done.changes += changes;
                }
                Ok(false) => done.refused = Some(Error::Moved(subject.table.name.to_string())),
                Err(error) if batch.len() > 1 && (is_too_much(&error) || done.finds(&error)) => {
                    let second = batch.split_off(batch.len() / 2);
                    left.extend([second, batch]);
                }
                Err(ledger::Error::Wire { source, .. }) if is_refusal(&source) => {
                    done.alone += u32::from(batch.len() == 1);
                    let table = subject.table.name.to_string();
                    done.refused = Some(Error::Refused { table, source });
                }
                Err(error) => return Err(Error::Ledger(error)),
            }
        }
        Ok(())
    }
}

impl Done {
    /// Whether single rows are at fault, which are to be found so that the others get in.
    fn finds(&self, error: &ledger::Error) -> bool {
        let of_a_row = |code: &str| code.starts_with("22") || matches!(code, "23502" | "23514");
        let code = match error {
            ledger::Error::Wire { source, .. } => source.code(),
            _ => None,
        };
        self.alone < ALONE && code.is_some_and(of_a_row)
    }

    /// Whether another row holds a value that may be there once only.
    pub(super) fn is_in_the_way(&self) -> bool {
        match &self.refused {
            Some(Error::Refused { source, .. }) => {
                matches!(source.code(), Some("23505" | "23P01"))
            }
            _ => false,
        }
    }
}

fn is_too_much(error: &ledger::Error) -> bool {
    matches!(error, ledger::Error::Wire { source, .. } if is_limit(source))
}

fn is_limit(error: &wire::Error) -> bool {
    matches!(error.code(), Some("54000" | "57014" | "53200" | "53400"))
}

/// Whether the target said no to these rows, and may take others.
fn is_refusal(error: &wire::Error) -> bool {
    let classes = ["0A", "22", "23", "42", "44", "54", "P0"];
    let refuses = |code: &str| classes.iter().any(|class| code.starts_with(class));
    is_limit(error) || error.code().is_some_and(refuses)
}
