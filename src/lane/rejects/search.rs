//! How many rows are tried next, so that refused ones soon stand alone. Pure.
//!
//! ```text
//!  refused, line 7 ─▶ the 6 before it ─▶ that one alone: refused again, so it is a reject
//!  refused, no line ─▶ the first half ─▶ loaded? then a half of the rest; refused? a half of it
//! ```
//!
//! A row is rejected only where it is refused alone: a server's line is a hint, and a wrong one costs
//! time, never a row.

/// The search in one batch, from its begin on.
#[derive(Debug, Default)]
pub(in crate::lane) struct Search {
    /// Rows tried next, at most; none: as many as there are.
    most: Option<u64>,
    /// Among so many rows from here on one is known to be refused.
    suspect: u64,
    /// Rows loaded since the last one that was rejected.
    since: u64,
}

impl Search {
    /// Rows to be tried next at most; `None`: as many as there are.
    pub(in crate::lane) fn most(&self) -> Option<u64> {
        self.most
    }

    /// So many rows were loaded. `true` where rows that were refused together have all been loaded in
    /// parts: none of them was guilty, it was their number.
    pub(in crate::lane) fn loaded(&mut self, rows: u64) -> bool {
        self.since += rows;
        if self.suspect == 0 {
            self.most = self.most.map(|most| most.saturating_mul(2));
            return false;
        }
        self.suspect = self.suspect.saturating_sub(rows);
        if self.suspect > 0 {
            self.most = Some((self.suspect / 2).max(1));
            return false;
        }
        true
    }

    /// So many rows, one at least, were refused together, at `line` (from 1) if the server told. `true`
    /// where it was one row alone: it is rejected.
    ///
    /// What follows a rejected row is tried in twice the distance of the last two: where every row is
    /// refused each is sent once, and where few are, they are met as far apart as they stand.
    pub(in crate::lane) fn refused(&mut self, rows: u64, line: Option<u64>) -> bool {
        if rows <= 1 {
            self.most = Some(self.since.saturating_mul(2).max(1));
            (self.suspect, self.since) = (0, 0);
            return true;
        }
        match line.filter(|line| (1..=rows).contains(line)) {
            Some(line) => {
                self.suspect = line;
                self.most = Some((line - 1).max(1));
            }
            None => {
                self.suspect = rows;
                self.most = Some(rows / 2);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says of refused rows.
    #[derive(Clone, Copy, Debug)]
    enum Tells {
        Line,
        Nothing,
        /// Always the first row.
        Lies,
    }

    /// Loads rows of which some are guilty; answers the rejected ones and the number of tries and of rows
    /// sent.
    fn load(rows: u64, guilty: &[u64], tells: Tells) -> (Vec<u64>, u64, u64) {
        let (mut search, mut at, mut rejected) = (Search::default(), 0, Vec::new());
        let (mut tries, mut sent) = (0, 0);
        while at < rows {
            let count = search.most().unwrap_or(u64::MAX).min(rows - at);
            assert!(count > 0);
            tries += 1;
            sent += count;
            let first = guilty.iter().find(|g| (at..at + count).contains(g));
            let Some(first) = first else {
                search.loaded(count);
                at += count;
                continue;
            };
            let line = match tells {
                Tells::Line => Some(first - at + 1),
                Tells::Nothing => None,
                Tells::Lies => Some(1),
            };
            if search.refused(count, line) {
                rejected.push(at);
                at += 1;
            }
        }
        (rejected, tries, sent)
    }

    #[test]
    fn exactly_the_guilty_rows_are_rejected_whatever_the_server_tells() {
        for tells in [Tells::Line, Tells::Nothing, Tells::Lies] {
            for rows in 1..12_u64 {
                for set in 0..1_u64 << rows {
                    let guilty: Vec<u64> = (0..rows).filter(|r| set >> r & 1 == 1).collect();
                    assert_eq!(load(rows, &guilty, tells).0, guilty, "{tells:?} {set:b}");
                }
            }
        }
    }

    #[test]
    fn a_line_costs_two_tries_more_and_bisecting_a_few_more() {
        let (_, tries, _) = load(10_000, &[7_000], Tells::Line);
        assert!(tries <= 4, "{tries}");
        let (_, tries, _) = load(10_000, &[7_000], Tells::Nothing);
        assert!(tries <= 20, "{tries}");
    }

    #[test]
    fn a_batch_of_nothing_but_guilty_rows_sends_each_about_once() {
        let all: Vec<u64> = (0..1_000).collect();
        for tells in [Tells::Line, Tells::Nothing] {
            let (_, tries, sent) = load(1_000, &all, tells);
            assert!(tries < 1_020 && sent < 4_000, "{tries} {sent}");
        }
    }

    #[test]
    fn guilty_rows_far_apart_do_not_make_the_rows_between_them_be_sent_over_and_over() {
        let some: Vec<u64> = (0..10_000).step_by(100).collect();
        let (_, _, sent) = load(10_000, &some, Tells::Nothing);
        assert!(sent < 10 * 10_000, "{sent}");
    }

    #[test]
    fn rows_that_load_in_parts_were_too_many_together() {
        let mut search = Search::default();
        assert!(!search.refused(100, None));
        assert!(!search.loaded(50));
        assert_eq!(search.most(), Some(25));
        assert!(!search.loaded(25));
        assert!(search.loaded(25), "none of them was guilty");
    }
}
