//! The script of one proxy: what shall go wrong when, what of it has happened, and who waits for whom.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::frame::Frame;
use super::trigger::Point;
use super::{Action, Delivery, Fault, statement};

#[derive(Debug)]
struct Entry {
    fault: Fault,
    seen: u64,
    fired: u64,
    /// What became of a late COMMIT: the server's tag or SQLSTATE, or why there is none.
    delivered: Option<String>,
}

struct Waiter {
    delivery: Delivery,
    origin: u64,
    turn: Turn,
}

/// Hands the moment to a late COMMIT, and waits until it is done.
pub(crate) struct Turn {
    go: oneshot::Sender<()>,
    done: oneshot::Receiver<()>,
}

/// The other half of a [`Turn`].
pub(crate) struct Moment {
    pub(crate) come: oneshot::Receiver<()>,
    pub(crate) done: oneshot::Sender<()>,
}

impl Turn {
    /// A delivery takes milliseconds; one that takes longer waits for a lock, and must not stop
    /// the connection that may hold it.
    const PATIENCE: Duration = Duration::from_secs(10);

    pub(crate) async fn give(self) {
        if self.go.send(()).is_ok() {
            let _ = tokio::time::timeout(Turn::PATIENCE, self.done).await;
        }
    }
}

#[derive(Default)]
struct Script {
    entries: Vec<Entry>,
    waiters: Vec<Waiter>,
}

/// The faults of one proxy. A clone is the same script.
#[derive(Clone, Default)]
pub struct Faults {
    script: Arc<Mutex<Script>>,
    /// Entries that may still fire, plus waiters: zero lets the data path skip the lock.
    armed: Arc<AtomicUsize>,
}

/// One fault in its script.
#[derive(Clone)]
pub struct FaultHandle {
    faults: Faults,
    index: usize,
}

/// A fault that has just fired.
pub(crate) struct Fired {
    pub(crate) action: Action,
    pub(crate) handle: FaultHandle,
    /// Where in the message the trigger's byte lies, for a trigger by offset.
    pub(crate) offset: Option<usize>,
}

/// Who and where an event happened.
pub(crate) struct Place<'a> {
    pub(crate) connection: u64,
    pub(crate) application: &'a str,
    /// Bytes that passed in this direction before the message.
    pub(crate) passed: u64,
}

impl Faults {
    /// Adds a fault to the script.
    pub fn add(&self, fault: Fault) -> FaultHandle {
        let mut script = self.lock();
        script.entries.push(Entry {
            fault,
            seen: 0,
            fired: 0,
            delivered: None,
        });
        self.armed.fetch_add(1, Ordering::SeqCst);
        FaultHandle {
            faults: self.clone(),
            index: script.entries.len() - 1,
        }
    }

    /// Panics with the list of the faults that have not happened.
    pub fn assert_used(&self) {
        let unused = self.unused();
        assert!(unused.is_empty(), "faults that did not happen: {unused:#?}");
    }

    /// Takes all faults out of the script, used or not.
    pub fn disarm(&self) {
        let mut script = self.lock();
        script
            .entries
            .iter_mut()
            .for_each(|entry| entry.fault.times = 0);
        self.count_armed(&script);
    }

    /// The faults that have not fired, and late COMMITs that were never delivered.
    pub fn unused(&self) -> Vec<String> {
        let unused = |entry: &&Entry| {
            let late = matches!(entry.fault.action, Action::CutThenDeliver { .. });
            entry.fault.times > 0 && (entry.fired == 0 || (late && entry.delivered.is_none()))
        };
        let script = self.lock();
        script
            .entries
            .iter()
            .filter(unused)
            .map(|entry| format!("{:?}", entry.fault))
            .collect()
    }

    /// Whether a message can matter to the script at all.
    pub(crate) fn armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn on_connect(&self, place: &Place<'_>) -> Option<Fired> {
        self.fire(place, |point| {
            matches!(point, Point::Connect).then_some(None)
        })
    }

    pub(crate) fn on_frontend(&self, place: &Place<'_>, frame: Frame<'_>) -> Option<Fired> {
        self.fire(place, |point| match point {
            Point::Frontend { tag, containing } => told(frame, *tag, containing),
            Point::Commit { containing } => told(frame, b'Q', containing)
                .filter(|_| statement::find_commit(&frame.text()).is_some()),
            Point::BytesFromClient(offset) => within(*offset, place.passed, frame),
            _ => None,
        })
    }

    pub(crate) fn on_backend(&self, place: &Place<'_>, frame: Frame<'_>) -> Option<Fired> {
        self.fire(place, |point| match point {
            Point::Backend { tag, containing } => told(frame, *tag, containing),
            Point::BytesToClient(offset) => within(*offset, place.passed, frame),
            _ => None,
        })
    }

    /// Registers a late COMMIT that waits for another connection.
    pub(crate) fn wait_for(&self, delivery: Delivery, origin: u64) -> Moment {
        let (go, come) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        let mut script = self.lock();
        script.waiters.push(Waiter {
            delivery,
            origin,
            turn: Turn { go, done: finished },
        });
        self.count_armed(&script);
        Moment { come, done }
    }

    /// Late COMMITs whose moment is a message of `connection`: each with whether it comes after the
    /// answer.
    pub(crate) fn due(&self, connection: u64, frame: Frame<'_>) -> Vec<(Turn, bool)> {
        let mut script = self.lock();
        let waiters = std::mem::take(&mut script.waiters);
        let (due, rest): (Vec<_>, Vec<_>) = waiters
            .into_iter()
            .partition(|waiter| waiter.origin != connection && waiter.delivery.is_at(frame));
        script.waiters = rest;
        self.count_armed(&script);
        due.into_iter()
            .map(|waiter| {
                (
                    waiter.turn,
                    matches!(waiter.delivery, Delivery::AfterAnswer(_)),
                )
            })
            .collect()
    }

    fn fire(
        &self,
        place: &Place<'_>,
        hit: impl Fn(&Point) -> Option<Option<usize>>,
    ) -> Option<Fired> {
        let mut script = self.lock();
        for (index, entry) in script.entries.iter_mut().enumerate() {
            let trigger = &entry.fault.trigger;
            if entry.fired >= entry.fault.times || !trigger.filters_pass(place) {
                continue;
            }
            let Some(offset) = hit(&trigger.point) else {
                continue;
            };
            entry.seen += 1;
            if entry.seen < trigger.nth {
                continue;
            }
            entry.fired += 1;
            let action = entry.fault.action.clone();
            self.count_armed(&script);
            return Some(Fired {
                action,
                handle: FaultHandle {
                    faults: self.clone(),
                    index,
                },
                offset,
            });
        }
        None
    }

    fn count_armed(&self, script: &Script) {
        let live = script
            .entries
            .iter()
            .filter(|entry| entry.fired < entry.fault.times)
            .count();
        self.armed
            .store(live + script.waiters.len(), Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultHandle {
    /// How often the fault has happened.
    pub fn fired(&self) -> u64 {
        self.faults.lock().entries[self.index].fired
    }

    /// What became of a late COMMIT: the tag (`COMMIT`, `ROLLBACK`) or the SQLSTATE that the server
    /// answered, or `connection closed`; `None` until then.
    pub fn delivered(&self) -> Option<String> {
        self.faults.lock().entries[self.index].delivered.clone()
    }

    /// Waits for [`FaultHandle::delivered`], at most `timeout`.
    pub fn wait_delivered(&self, timeout: Duration) -> Option<String> {
        self.poll(timeout, FaultHandle::delivered)
    }

    /// Waits until the fault has happened, at most `timeout`; whether it has.
    pub fn wait_fired(&self, timeout: Duration) -> bool {
        self.poll(timeout, |handle| (handle.fired() > 0).then_some(()))
            .is_some()
    }

    pub(crate) fn record_delivery(&self, outcome: String) {
        self.faults.lock().entries[self.index].delivered = Some(outcome);
    }

    fn poll<T>(&self, timeout: Duration, ask: impl Fn(&FaultHandle) -> Option<T>) -> Option<T> {
        let end = Instant::now() + timeout;
        loop {
            let answer = ask(self);
            if answer.is_some() || Instant::now() >= end {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn told(frame: Frame<'_>, tag: u8, containing: &Option<String>) -> Option<Option<usize>> {
    let hit = frame.tag() == tag
        && containing
            .as_ref()
            .is_none_or(|text| frame.text().contains(text.as_str()));
    hit.then_some(None)
}

fn within(offset: u64, passed: u64, frame: Frame<'_>) -> Option<Option<usize>> {
    let inside = usize::try_from(offset.checked_sub(passed)?).ok()?;
    (inside < frame.whole().len()).then_some(Some(inside))
}
