//! How large batches are: decided from what became of the last ones. Pure.
//!
//! ```text
//!            dear around the COPY, commits as fast as usual: up to twice as much
//!   2 MiB ─────────────────────────────────────────────────────────────────▶ ceiling
//!            failed: half of what failed, which is the ceiling from then on
//! ```

use std::time::Duration;

/// Batches begin at this many bytes: on a near target larger ones were measured to be slower (they
/// leave the processor's cache between read and write); on a far one they grow soon.
const FIRST: usize = 2 << 20;

/// Batches grow while BEGIN, ledger and COMMIT take more than this part of the time of their COPY.
const SHARE: u32 = 8;

/// So many commits are looked at before batches grow. A busy machine makes many answers late, most of
/// them where lanes are many; that is no cost which larger batches would save, and their memory is
/// never given back.
const ROUND: u32 = 8;

/// A commit that takes longer than this times the usual is trouble enough to stop growing.
const SLOWER: u32 = 2;

/// Where the time of a committed transaction went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    /// COMMIT to its answer.
    pub(super) commit: Duration,
    /// COPY to its answer.
    pub(super) copy: Duration,
    /// All but the COPY: BEGIN, ledger, COMMIT.
    pub(super) around: Duration,
}

/// The size in bytes that a lane's batches aim at.
///
/// Small batches stay in the processor's cache on their way, keep the target's transactions short and
/// need little memory; they grow while BEGIN, ledger and COMMIT take more than a small share of a
/// batch's time, as long as commits stay as fast as usual.
#[derive(Debug)]
pub(super) struct BatchSize {
    aim: usize,
    /// The budget, or half of what the target could not take.
    ceiling: usize,
    /// Usual time of a commit: a running mean; nothing before the first, and after a failure.
    usual: Option<Duration>,
    round: Round,
}

/// The commits since batches last grew, or were last found large enough.
#[derive(Debug, Default)]
struct Round {
    commits: u32,
    /// Time of all COPYs.
    copy: Duration,
    /// Least time around one of them.
    around: Duration,
}

impl BatchSize {
    /// The first size, within the budget of `limit` bytes for one batch.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            aim: FIRST.min(limit),
            ceiling: limit,
            usual: None,
            round: Round::default(),
        }
    }

    /// Bytes that a batch, and a piece of one, should have at most; 1 at least.
    pub(super) fn aim(&self) -> usize {
        self.aim
    }

    /// A transaction with so many bytes of rows was committed: the next ones may be larger.
    pub(super) fn committed(&mut self, bytes: usize, took: Took) {
        let flat = self.usual.is_none_or(|usual| took.commit <= usual * SLOWER);
        self.usual = Some(match self.usual {
            None => took.commit,
            Some(usual) => (usual * 7 + took.commit) / 8,
        });
        if bytes.saturating_mul(2) <= self.aim {
            return;
        }
        self.round.add(took);
        if self.round.commits >= ROUND && flat {
            self.aim = self.round.better(self.aim).min(self.ceiling);
            self.round = Round::default();
        }
    }

    /// A transaction with so many bytes of rows was too much for the target: half of them is tried,
    /// and never more again.
    pub(super) fn failed(&mut self, bytes: usize) {
        self.ceiling = (bytes / 2).clamp(1, self.ceiling);
        self.aim = self.aim.min(self.ceiling);
        self.usual = None;
        self.round = Round::default();
    }
}

impl Round {
    fn add(&mut self, took: Took) {
        self.around = match self.commits {
            0 => took.around,
            _ => self.around.min(took.around),
        };
        self.copy += took.copy;
        self.commits += 1;
    }

    /// The size with which what is around a COPY would take no more than its share, at most the double.
    fn better(&self, aim: usize) -> usize {
        let allowed = self.copy / (self.commits.max(1) * SHARE);
        if self.around <= allowed {
            return aim;
        }
        let times = self.around.as_secs_f64() / allowed.as_secs_f64().max(1e-9);
        let grown = aim as f64 * times.min(2.0);
        (grown as usize).max(aim + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 12 << 20;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A transaction of which half the time around the COPY went into the COMMIT.
    fn took(copy: u64, around: u64) -> Took {
        Took {
            commit: ms(around / 2),
            copy: ms(copy),
            around: ms(around),
        }
    }

    /// Commits `count` batches of the size aimed at.
    fn commit(size: &mut BatchSize, count: usize, took: Took) {
        for _ in 0..count {
            size.committed(size.aim(), took);
        }
    }

    #[test]
    fn batches_begin_small_and_within_the_budget() {
        assert_eq!(BatchSize::new(LIMIT).aim(), 2 << 20);
        assert_eq!(BatchSize::new(1000).aim(), 1000);
        assert_eq!(BatchSize::new(0).aim(), 1);
    }

    #[test]
    fn batches_grow_up_to_the_budget_while_what_is_around_them_is_dear() {
        let mut size = BatchSize::new(LIMIT);
        commit(&mut size, 7, took(80, 100));
        assert_eq!(size.aim(), 2 << 20, "a round is eight commits");
        commit(&mut size, 1, took(80, 100));
        assert_eq!(size.aim(), 4 << 20);
        commit(&mut size, 16, took(80, 100));
        assert_eq!(size.aim(), LIMIT);
    }

    #[test]
    fn batches_grow_no_further_than_their_share_asks_for() {
        let mut size = BatchSize::new(LIMIT);
        commit(&mut size, 8, took(80, 15));
        assert_eq!(
            size.aim(),
            3 << 20,
            "half as much again for 15 ms where 10 are allowed"
        );
    }

    #[test]
    fn batches_stay_where_what_is_around_them_is_an_eighth_or_less() {
        let mut size = BatchSize::new(LIMIT);
        commit(&mut size, 100, took(80, 10));
        assert_eq!(size.aim(), 2 << 20);
    }

    #[test]
    fn a_busy_machine_that_makes_most_answers_late_does_not_make_batches_grow() {
        let mut size = BatchSize::new(LIMIT);
        for _ in 0..100 {
            commit(&mut size, 7, took(80, 40));
            commit(&mut size, 1, took(80, 5));
        }
        assert_eq!(size.aim(), 2 << 20);
    }

    #[test]
    fn batches_grow_when_the_target_has_become_far() {
        let mut size = BatchSize::new(LIMIT);
        commit(&mut size, 100, took(80, 5));
        commit(&mut size, 40, took(80, 100));
        assert_eq!(size.aim(), LIMIT);
    }

    #[test]
    fn batches_do_not_grow_while_commits_are_slower_than_usual() {
        let mut size = BatchSize::new(LIMIT);
        commit(&mut size, 7, took(80, 100));
        let slow = Took {
            commit: ms(101),
            ..took(80, 100)
        };
        commit(&mut size, 1, slow);
        assert_eq!(size.aim(), 2 << 20);
        commit(&mut size, 1, took(80, 100));
        assert_eq!(size.aim(), 4 << 20);
    }

    #[test]
    fn what_is_small_says_nothing_of_larger_ones() {
        let mut size = BatchSize::new(LIMIT);
        for _ in 0..100 {
            size.committed(1 << 20, took(1, 10));
        }
        assert_eq!(size.aim(), 2 << 20);
    }

    #[test]
    fn what_failed_is_halved_and_never_exceeded_again() {
        let mut size = BatchSize::new(LIMIT);
        size.failed(2 << 20);
        assert_eq!(size.aim(), 1 << 20);
        commit(&mut size, 100, took(1, 100));
        assert_eq!(size.aim(), 1 << 20);
        size.failed(300);
        assert_eq!(size.aim(), 150);
        commit(&mut size, 100, took(1, 100));
        assert_eq!(size.aim(), 150);
    }

    #[test]
    fn halving_ends_at_one_byte_and_never_grows() {
        let mut size = BatchSize::new(1000);
        size.failed(1);
        assert_eq!(size.aim(), 1);
        size.failed(1 << 30);
        assert_eq!(size.aim(), 1);
    }
}
