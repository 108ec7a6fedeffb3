//! The sums of what a run has read and sent, table by table: by them verification tells whether the
//! target stores what was sent, and who changed it where not.

use crate::copytext::{Digest, Parts};
use crate::sql::literal;
use crate::wire::Row;

use super::error::{Error, Result};
use super::store::Ledger;

/// What was read and sent of one source table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableSums {
    /// Count and sum of the rows as sent.
    pub sent: Digest,
    /// Count and sum of the rows as read. Where a run died between the pieces of a batch it has fewer rows
    /// than were sent, and says nothing.
    pub read: Digest,
    /// Sums of the rows as sent, by part.
    pub parts: Parts,
}

impl TableSums {
    /// Adds those of another source table whose rows go to the same place.
    pub fn merge(&mut self, other: &Self) {
        self.sent.merge(other.sent);
        self.read.merge(other.read);
        self.parts.merge(&other.parts);
    }

    /// Count and sum of what was read, where they are known of all rows.
    pub fn known_read(&self) -> Option<Digest> {
        (self.read.rows == self.sent.rows).then_some(self.read)
    }
}

impl Ledger {
    /// The sums of a run, by pair number; batches are read one by one and not kept.
    ///
    /// # Errors
    /// The target's loss; `Unreadable`.
    pub async fn table_sums(&mut self, run: &str, pairs: usize) -> Result<Vec<TableSums>> {
        let sql = format!(
            "SELECT pair, row_count, digest, read_sum, part_sums FROM wire9.batch WHERE run = {}",
            literal(run)
        );
        let start = || vec![TableSums::default(); pairs];
        self.fold(
            "reading the sums of the batches",
            &sql,
            start,
            |sums, row| {
                add(sums, row).ok_or_else(|| Error::Unreadable {
                    what: "a row of wire9.batch".to_owned(),
                })
            },
        )
        .await
    }
}

fn add(sums: &mut [TableSums], row: &Row<'_>) -> Option<()> {
    let texts: Option<Vec<&str>> = (0..5).map(|column| row.get(column)).collect();
    read(sums, &texts?)
}

fn read(sums: &mut [TableSums], texts: &[&str]) -> Option<()> {
    let &[pair, rows, sum, read, parts] = texts else {
        return None;
    };
    let sent = Digest {
        rows: rows.parse().ok()?,
        sum: u128::from_str_radix(sum, 16).ok()?,
    };
    let read = match read {
        "" => sent,
        read => read.parse().ok()?,
    };
    let parts = parts.parse().ok()?;
    let table = sums.get_mut(pair.parse::<usize>().ok()?)?;
    table.merge(&TableSums { sent, read, parts });
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(part: usize, hash: u128) -> Parts {
        let mut parts = Parts::default();
        parts.add(part, hash);
        parts
    }

    #[test]
    fn batches_are_summed_by_table_and_what_was_read_is_what_was_sent_unless_it_says_otherwise() {
        let mut sums = vec![TableSums::default(); 2];
        let read_sum = Digest { rows: 3, sum: 7 }.to_string();
        let (one, other) = (parts(1, 5).to_string(), parts(1, 6).to_string());
        for row in [
            ["1", "2", "0a", "", &one],
            ["1", "3", "01", &read_sum, &other],
        ] {
            assert_eq!(read(&mut sums, &row), Some(()));
        }
        let sent = Digest { rows: 5, sum: 11 };
        assert_eq!(sums[1].sent, sent);
        assert_eq!(sums[1].known_read(), Some(Digest { rows: 5, sum: 17 }));
        assert_eq!(sums[1].parts, parts(1, 11));
        assert_eq!(sums[0], TableSums::default());
    }

    #[test]
    fn sums_of_a_part_of_what_was_read_say_nothing() {
        let mut sums = vec![TableSums::default()];
        let nothing = Digest::default().to_string();
        let row = ["0", "2", "0a", &nothing, &parts(0, 1).to_string()];
        assert_eq!(read(&mut sums, &row), Some(()));
        assert_eq!(sums[0].known_read(), None);
    }

    #[test]
    fn garbage_is_refused() {
        let text = Parts::default().to_string();
        let good = ["0", "2", "0a", "", &text];
        for (column, garbage) in [(0, "1"), (1, "-1"), (2, "x"), (3, "7"), (4, "1 2")] {
            let mut row = good;
            row[column] = garbage;
            assert_eq!(read(&mut [TableSums::default()], &row), None, "{column}");
        }
    }
}
