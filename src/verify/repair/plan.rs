//! What is to be changed: key by key, and in batches of bounded size. Pure.

use crate::ledger::Changes;

use super::super::difference::Wrong;

/// A key of which the target holds other rows than it should. The target's rows go, the source's come.
pub(super) struct Change {
    /// Rows of the target that go.
    pub(super) theirs: Vec<Vec<u8>>,
    /// Rows of the source that come.
    pub(super) ours: Vec<Vec<u8>>,
    /// The same in numbers: a row that goes and comes back unchanged is no change.
    pub(super) changes: Changes,
}

impl Change {
    /// From all rows of a wrong key on either side.
    ///
    /// Rows without a key are known by all of their values: some of several equal ones can not be taken away,
    /// so all go and as many as there should be come back.
    pub(super) fn new(
        wrong: &Wrong,
        keyless: bool,
        mut ours: Vec<Vec<u8>>,
        mut theirs: Vec<Vec<u8>>,
    ) -> Self {
        if keyless && theirs.len() <= ours.len() {
            ours.truncate(ours.len() - theirs.len());
            theirs.clear();
        }
        let changes = Changes {
            deleted: wrong.extra(),
            inserted: wrong.missing(),
            replaced: wrong.different(),
        };
        Self {
            theirs,
            ours,
            changes,
        }
    }

    /// Without the rows that come: what has to go first where another row stands in their way.
    pub(super) fn only_deletes(self) -> Self {
        let Changes {
            deleted, replaced, ..
        } = self.changes;
        Self {
            ours: Vec::new(),
            changes: Changes {
                deleted: deleted + replaced,
                ..Changes::default()
            },
            ..self
        }
    }

    fn bytes(&self) -> usize {
        let rows = self.ours.iter().chain(&self.theirs);
        rows.map(Vec::len).sum()
    }
}

/// Changes of one transaction, at most: the target checks each row's key, and locks it.
const CHANGES: usize = 1000;

/// Changes in the batches that are committed together: at most `bytes` of rows each, but one change at least.
pub(super) fn batches(changes: Vec<Change>, bytes: usize) -> Vec<Vec<Change>> {
    let mut batches: Vec<Vec<Change>> = Vec::new();
    let mut held = 0;
    for change in changes {
        let size = change.bytes();
        match batches.last_mut() {
            Some(last) if last.len() < CHANGES && held + size <= bytes => {
                held += size;
                last.push(change);
            }
            _ => {
                held = size;
                batches.push(vec![change]);
            }
        }
    }
    batches
}

/// All that a batch changes.
pub(super) fn sum(batch: &[Change]) -> Changes {
    let mut sum = Changes::default();
    batch.iter().for_each(|change| sum += change.changes);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    fn keyless(ours: usize, theirs: usize) -> Change {
        let wrong = Wrong::of(
            ours.saturating_sub(theirs) as u64,
            theirs.saturating_sub(ours) as u64,
        );
        Change::new(
            &wrong,
            true,
            rows(&vec!["x"; ours]),
            rows(&vec!["x"; theirs]),
        )
    }

    #[test]
    fn of_equal_rows_all_go_where_there_are_too_many_and_only_the_missing_come_where_too_few() {
        let sizes = |change: &Change| (change.theirs.len(), change.ours.len());
        let (many, few) = (keyless(2, 5), keyless(5, 2));
        assert_eq!(sizes(&many), (5, 2));
        assert_eq!(many.changes.deleted, 3);
        assert_eq!(sizes(&few), (0, 3));
        assert_eq!(few.changes.inserted, 3);
    }

    #[test]
    fn what_is_only_taken_away_counts_as_deleted() {
        let change = Change::new(&Wrong::of(1, 1), false, rows(&["a"]), rows(&["b"]));
        assert_eq!(change.changes.replaced, 1);
        let change = change.only_deletes();
        assert_eq!((change.changes.deleted, change.changes.replaced), (1, 0));
        assert!(change.ours.is_empty());
    }

    #[test]
    fn batches_are_bounded_by_bytes_and_by_changes_and_lose_nothing() {
        let many = |count: usize, text: &str| -> Vec<Change> {
            let wrong = Wrong::of(1, 0);
            let one = || Change::new(&wrong, false, rows(&[text]), Vec::new());
            (0..count).map(|_| one()).collect()
        };
        let sizes = |batches: &[Vec<Change>]| batches.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&batches(many(5, "1234"), 10)), [2, 2, 1]);
        assert_eq!(sizes(&batches(many(2, "a long row"), 3)), [1, 1]);
        assert_eq!(sizes(&batches(many(CHANGES + 1, ""), 10)), [CHANGES, 1]);
        assert!(batches(Vec::new(), 10).is_empty());
    }
}
