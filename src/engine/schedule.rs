//! The order in which chunks are handed out, and what became of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::Sender;
use tokio::sync::Notify;

use crate::lane::{Queue, Work};
use crate::metrics::{BatchFact, Event, TableTally, Waits};

/// What the schedule must know of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Target number that takes its rows.
    pub target: usize,
    /// Transforms of its recipe.
    pub transforms: usize,
}

/// Hands out chunks in the plan's order; a target table with foreign keys waits until the tables that
/// it refers to are complete.
pub struct Schedule {
    began: Instant,
    events: Sender<Event>,
    tables: Vec<Table>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    ready: VecDeque<Work>,
    /// Chunks whose target waits for its parents, by target.
    blocked: HashMap<usize, Vec<Work>>,
    /// Parents that are not complete, by target.
    waits_for: Vec<Vec<usize>>,
    /// Chunks not finished, by table and by target.
    left: Vec<usize>,
    left_of_target: Vec<usize>,
    tallies: Vec<TableTally>,
}

impl Schedule {
    /// A schedule of `works` in their order. `parents` are, by target, the targets that its foreign keys
    /// refer to; there must be no cycle among them, else chunks would never be handed out.
    pub fn new(
        tables: Vec<Table>,
        parents: &[Vec<usize>],
        works: Vec<Work>,
        events: Sender<Event>,
    ) -> Self {
        let mut left = vec![0; tables.len()];
        let mut left_of_target = vec![0; parents.len()];
        for work in &works {
            left[work.table] += 1;
            left_of_target[tables[work.table].target] += 1;
        }
        let tallies = tables
            .iter()
            .map(|t| TableTally::new(t.transforms))
            .collect();
        let mut state = State {
            ready: VecDeque::new(),
            blocked: HashMap::new(),
            waits_for: parents
                .iter()
                .map(|p| {
                    p.iter()
                        .copied()
                        .filter(|&p| left_of_target[p] > 0)
                        .collect()
                })
                .collect(),
            left,
            left_of_target,
            tallies,
        };
        for work in works {
            let target = tables[work.table].target;
            if state.waits_for[target].is_empty() {
                state.ready.push_back(work);
            } else {
                state.blocked.entry(target).or_default().push(work);
            }
        }
        Self {
            began: Instant::now(),
            events,
            tables,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// What this process did, by pair number.
    pub fn tallies(&self) -> Vec<TableTally> {
        self.lock().tallies.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A lane that panicked ends the run; its counters are still the truth.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A chunk of a table is finished: `true` where that completes the table.
    fn finished(&mut self, table: usize, target: usize) -> bool {
        self.left[table] -= 1;
        self.left_of_target[target] -= 1;
        if self.left_of_target[target] == 0 {
            self.release(target);
        }
        self.left[table] == 0
    }

    fn release(&mut self, complete: usize) {
        for waits in &mut self.waits_for {
            waits.retain(|&parent| parent != complete);
        }
        let mut free: Vec<usize> = self
            .blocked
            .keys()
            .copied()
            .filter(|&t| self.waits_for[t].is_empty())
            .collect();
        free.sort_unstable();
        for target in free {
            self.ready
                .extend(self.blocked.remove(&target).unwrap_or_default());
        }
    }
}

impl Queue for Schedule {
    async fn next(&self) -> Option<Work> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Enabled before the state is looked at, so that no change falls between.
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if let Some(work) = state.ready.pop_front() {
                    return Some(work);
                }
                if state.blocked.is_empty() {
                    return None;
                }
            }
            changed.await;
        }
    }

    fn began(&self, work: &Work) {
        let at = self.began.elapsed();
        let mut state = self.lock();
        let first = state.tallies[work.table].began.is_none();
        if first {
            state.tallies[work.table].began = Some(at);
            let _ = self.events.try_send(Event::Began { table: work.table });
        }
    }

    fn committed(&self, fact: &BatchFact, _chunk: u32, last: bool) {
        let at = self.began.elapsed();
        let mut state = self.lock();
        state.tallies[fact.table].batch(fact, at);
        if last {
            if state.finished(fact.table, self.tables[fact.table].target) {
                let _ = self.events.try_send(Event::Finished { table: fact.table });
            }
            self.changed.notify_waiters();
        }
    }

    fn waited(&self, table: usize, waits: &Waits) {
        self.lock().tallies[table].waits.add(waits);
    }

    fn retried(&self, table: usize) {
        self.lock().tallies[table].retries += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::catalog::TableName;
    use crate::copytext::{Recipe, Spread};
    use crate::plan::Bounds;

    fn work(table: usize, chunk: u32) -> Work {
        Work {
            table,
            source: TableName::new("s", format!("t{table}")),
            oid: 1,
            target: TableName::new("s", format!("t{table}")),
            columns: Vec::new(),
            expressions: BTreeMap::new(),
            recipe: Recipe::default(),
            spread: Spread::default(),
            condition: None,
            chunk,
            bounds: Bounds::Whole,
            done: Vec::new(),
        }
    }

    fn fact(table: usize) -> BatchFact {
        BatchFact {
            table,
            lane: 0,
            rows: 1,
            rejected: 0,
            read_bytes: 1,
            sent_bytes: 1,
            changed: Vec::new(),
            commit: Duration::ZERO,
        }
    }

    fn schedule(parents: &[Vec<usize>], works: Vec<Work>) -> Schedule {
        let tables = (0..parents.len())
            .map(|target| Table {
                target,
                transforms: 0,
            })
            .collect();
        let (events, _) = crossbeam_channel::bounded(16);
        Schedule::new(tables, parents, works, events)
    }

    #[tokio::test]
    async fn a_child_starts_after_its_parents_are_complete() {
        // 0 refers to 1, which refers to 2 (two chunks).
        let parents = [vec![1], vec![2], vec![]];
        let works = vec![work(0, 0), work(1, 0), work(2, 0), work(2, 1)];
        let schedule = schedule(&parents, works);
        assert_eq!(schedule.next().await, Some(work(2, 0)));
        assert_eq!(schedule.next().await, Some(work(2, 1)));
        let waits = tokio::time::timeout(Duration::from_millis(20), schedule.next());
        assert!(waits.await.is_err(), "table 1 must wait");
        schedule.committed(&fact(2), 0, true);
        let waits = tokio::time::timeout(Duration::from_millis(20), schedule.next());
        assert!(waits.await.is_err(), "one chunk of table 2 is not finished");
        schedule.committed(&fact(2), 1, true);
        assert_eq!(schedule.next().await, Some(work(1, 0)));
        schedule.committed(&fact(1), 0, true);
        assert_eq!(schedule.next().await, Some(work(0, 0)));
        assert_eq!(schedule.next().await, None);
        assert_eq!(schedule.lock().left, [1, 0, 0]);
    }

    #[tokio::test]
    async fn a_waiting_lane_wakes_when_a_parent_completes() {
        let parents = [vec![1], vec![]];
        let schedule = schedule(&parents, vec![work(0, 0), work(1, 0)]);
        assert_eq!(schedule.next().await, Some(work(1, 0)));
        let (next, ()) = tokio::join!(schedule.next(), async {
            tokio::task::yield_now().await;
            schedule.committed(&fact(1), 0, true);
        });
        assert_eq!(next, Some(work(0, 0)));
    }

    #[tokio::test]
    async fn parents_that_an_earlier_process_completed_are_not_waited_for() {
        let parents = [vec![1], vec![]];
        let schedule = schedule(&parents, vec![work(0, 0)]);
        assert_eq!(schedule.next().await, Some(work(0, 0)));
    }
}
