//! Which statement comes next. Pure.

use std::collections::BTreeSet;

use crate::schema::convert::{Makes, Statement};

use super::{Ask, Fate, Refusal};

/// The statements, and what became of each so far.
pub(super) struct Order<'a> {
    statements: &'a [Statement],
    fates: Vec<Option<Fate>>,
    /// By statement: how many that it needs are not done.
    waits_for: Vec<usize>,
    /// By statement: those that need it.
    needed_by: Vec<Vec<usize>>,
    /// Ready ones: what comes first, then their place.
    ready: BTreeSet<(Makes, usize)>,
    /// Refused because something is missing that another statement may make.
    later: Vec<(usize, Refusal)>,
    done: usize,
    asked: usize,
    /// Statements done when the last round of `later` began.
    done_at_round: usize,
    /// Routines are made without a look at their bodies.
    unchecked: bool,
}

/// A statement to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) statement: usize,
    /// Without a look at the body of a routine.
    pub(super) unchecked: bool,
}

impl<'a> Order<'a> {
    pub(super) fn new(statements: &'a [Statement], ask: &[Ask]) -> Self {
        let asked = |i: usize| ask.get(i) == Some(&Ask::Apply);
        let mut order = Self {
            statements,
            fates: vec![None; statements.len()],
            waits_for: vec![0; statements.len()],
            needed_by: vec![Vec::new(); statements.len()],
            ready: BTreeSet::new(),
            later: Vec::new(),
            done: 0,
            asked: 0,
            done_at_round: usize::MAX,
            unchecked: false,
        };
        for (i, statement) in statements.iter().enumerate() {
            order.fates[i] = match ask.get(i) {
                Some(Ask::Apply) => None,
                Some(Ask::Before) => Some(Fate::DoneBefore),
                Some(Ask::Leave) | None => Some(Fate::NotAsked),
            };
            if !asked(i) {
                continue;
            }
            order.asked += 1;
            for &needed in statement.needs.iter().filter(|&&n| asked(n)) {
                order.waits_for[i] += 1;
                order.needed_by[needed].push(i);
            }
            if order.waits_for[i] == 0 {
                order.ready.insert((statement.makes, i));
            }
        }
        order
    }

    /// The next statement. `alone`: none is under way, so nothing will come of waiting.
    pub(super) fn next(&mut self, alone: bool) -> Option<Next> {
        if self.ready.is_empty() && alone {
            self.another_round();
        }
        let (_, statement) = self.ready.pop_first()?;
        Some(Next {
            statement,
            unchecked: self.unchecked,
        })
    }

    pub(super) fn done(&mut self, statement: usize) {
        self.done += 1;
        self.fates[statement] = Some(Fate::Done);
        for waiting in self.needed_by[statement].clone() {
            self.release(waiting);
        }
    }

    /// The target refuses it: for now, where something is missing that may come yet.
    pub(super) fn refused(&mut self, next: Next, refusal: Refusal) {
        if misses_something(&refusal.code) && !next.unchecked {
            self.later.push((next.statement, refusal));
        } else {
            self.fail(next.statement, refusal);
        }
    }

    /// Statements done, and statements asked for.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.done, self.asked)
    }

    pub(super) fn fates(mut self) -> Vec<Fate> {
        for (statement, refusal) in std::mem::take(&mut self.later) {
            self.fail(statement, refusal);
        }
        let left = |fate: Option<Fate>| fate.unwrap_or(Fate::Left);
        self.fates.into_iter().map(left).collect()
    }

    /// What was refused because something is missing is tried again as long as others get done, then
    /// once more without a look at the bodies of routines, then it has failed.
    fn another_round(&mut self) {
        if self.later.is_empty() {
            return;
        }
        self.unchecked = self.done == self.done_at_round;
        self.done_at_round = self.done;
        for (statement, _) in std::mem::take(&mut self.later) {
            self.ready
                .insert((self.statements[statement].makes, statement));
        }
    }

    fn fail(&mut self, statement: usize, refusal: Refusal) {
        self.fates[statement] = Some(Fate::Failed(refusal));
        self.skip_after(statement);
    }

    /// Everything that needs it, directly or not.
    fn skip_after(&mut self, failed: usize) {
        let mut causes = vec![failed];
        while let Some(cause) = causes.pop() {
            for waiting in self.needed_by[cause].clone() {
                if self.statements[waiting].makes == Makes::Analyze {
                    // It only comes later than what it needs.
                    self.release(waiting);
                } else if self.fates[waiting].is_none() {
                    self.fates[waiting] = Some(Fate::Skipped { because_of: cause });
                    causes.push(waiting);
                }
            }
        }
    }

    /// One of those that it waits for is over.
    fn release(&mut self, waiting: usize) {
        self.waits_for[waiting] -= 1;
        if self.waits_for[waiting] == 0 && self.fates[waiting].is_none() {
            let makes = self.statements[waiting].makes;
            self.ready.insert((makes, waiting));
        }
    }
}

/// A name that is not there (yet): texts of routines and views name what no dependency tells.
fn misses_something(code: &str) -> bool {
    matches!(code, "42P01" | "42883" | "42704" | "42703" | "3F000")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Name;
    use crate::schema::convert::Section;

    fn statement(makes: Makes, needs: &[usize]) -> Statement {
        Statement {
            section: Section::PostData,
            makes,
            object: String::new(),
            name: Name::new("s", "t"),
            sql: String::new(),
            rewritten: Vec::new(),
            needs: needs.to_vec(),
        }
    }

    fn refusal(code: &str) -> Refusal {
        Refusal {
            code: code.to_owned(),
            message: String::new(),
        }
    }

    fn number(next: Option<Next>) -> Option<usize> {
        next.map(|n| n.statement)
    }

    #[test]
    fn a_statement_waits_for_what_it_needs() {
        let all = [
            statement(Makes::View, &[]),
            statement(Makes::View, &[0]),
            statement(Makes::Index, &[]),
        ];
        let mut order = Order::new(&all, &[Ask::Apply; 3]);
        assert_eq!(
            number(order.next(true)),
            Some(2),
            "indexes come before views"
        );
        assert_eq!(number(order.next(false)), Some(0));
        assert_eq!(order.next(false), None);
        order.done(0);
        assert_eq!(number(order.next(false)), Some(1));
        assert_eq!(order.progress(), (1, 3));
    }

    #[test]
    fn what_needs_a_failed_statement_is_skipped_with_the_chain_named() {
        let all = [
            statement(Makes::View, &[]),
            statement(Makes::View, &[0]),
            statement(Makes::View, &[1]),
            statement(Makes::Index, &[]),
        ];
        let mut order = Order::new(&all, &[Ask::Apply; 4]);
        let next = order.next(true).expect("the index");
        order.done(next.statement);
        let next = order.next(true).expect("the first view");
        order.refused(next, refusal("0A000"));
        assert_eq!(order.next(true), None);
        let expected = [
            Fate::Failed(refusal("0A000")),
            Fate::Skipped { because_of: 0 },
            Fate::Skipped { because_of: 1 },
            Fate::Done,
        ];
        assert_eq!(order.fates(), expected);
    }

    #[test]
    fn statistics_are_taken_although_an_index_has_failed() {
        let all = [
            statement(Makes::Index, &[]),
            statement(Makes::Analyze, &[0]),
        ];
        let mut order = Order::new(&all, &[Ask::Apply; 2]);
        let index = order.next(true).expect("the index");
        order.refused(index, refusal("23505"));
        assert_eq!(number(order.next(true)), Some(1));
    }

    #[test]
    fn what_misses_something_is_tried_again_as_long_as_others_get_done() {
        let all = [statement(Makes::Routine, &[]), statement(Makes::View, &[])];
        let mut order = Order::new(&all, &[Ask::Apply; 2]);
        let routine = order.next(true).expect("the routine");
        order.refused(routine, refusal("42P01"));
        let view = order.next(false).expect("the view");
        order.done(view.statement);
        let again = order.next(true).expect("a second round");
        assert_eq!(again, routine);
        order.refused(again, refusal("42P01"));
        let unchecked = order.next(true).expect("a last round");
        assert!(unchecked.unchecked);
        order.refused(unchecked, refusal("42P01"));
        assert_eq!(order.next(true), None);
        assert_eq!(order.fates()[0], Fate::Failed(refusal("42P01")));
    }

    #[test]
    fn what_nobody_asked_for_is_taken_to_be_there() {
        let all = [
            statement(Makes::Table, &[]),
            statement(Makes::Index, &[0]),
            statement(Makes::View, &[0, 1]),
        ];
        let mut order = Order::new(&all, &[Ask::Leave, Ask::Before, Ask::Apply]);
        assert_eq!(number(order.next(true)), Some(2));
        let expected = [Fate::NotAsked, Fate::DoneBefore, Fate::Left];
        assert_eq!(order.fates(), expected);
    }
}
