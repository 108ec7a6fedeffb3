//! What shall go wrong, and when: a fault is a trigger and an action; [`Faults`] is the script of one
//! proxy, shared by all of its connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::frame::Frame;
use super::statement;

/// A message from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the protocol's own names
pub enum Frontend {
    Query,
    Parse,
    Bind,
    Execute,
    Sync,
    CopyData,
    CopyDone,
    CopyFail,
    Password,
    Terminate,
}

/// A message from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the protocol's own names
pub enum Backend {
    Authentication,
    ParameterStatus,
    BackendKeyData,
    ReadyForQuery,
    RowDescription,
    DataRow,
    CommandComplete,
    CopyInResponse,
    CopyOutResponse,
    CopyData,
    CopyDone,
    ErrorResponse,
    NoticeResponse,
}

#[derive(Debug, Clone)]
enum Point {
    Connect,
    Frontend { tag: u8, containing: Option<String> },
    Commit { containing: Option<String> },
    Backend { tag: u8, containing: Option<String> },
    BytesFromClient(u64),
    BytesToClient(u64),
}

/// When a fault happens. Occurrences are counted over all connections that pass the filters, from
/// the moment the fault is added.
#[derive(Debug, Clone)]
pub struct Trigger {
    point: Point,
    nth: u64,
    application: Option<String>,
    connection: Option<u64>,
}

impl Trigger {
    /// A connection is opened. ([`Trigger::application`] cannot be known yet and must not be set
    /// with [`Action::RefuseConnect`].)
    pub fn connect() -> Trigger {
        Trigger::at(Point::Connect)
    }

    /// The client sends a message of this kind.
    pub fn frontend(kind: Frontend) -> Trigger {
        Trigger::at(Point::Frontend {
            tag: frontend_tag(kind),
            containing: None,
        })
    }

    /// The client sends a Query whose text contains `text`.
    pub fn query(text: &str) -> Trigger {
        Trigger::at(Point::Frontend {
            tag: b'Q',
            containing: Some(text.to_owned()),
        })
    }

    /// The client sends a Query in which a statement (judged by the parse tree) is COMMIT or END.
    pub fn commit() -> Trigger {
        Trigger::at(Point::Commit { containing: None })
    }

    /// As [`Trigger::commit`], and the text of the Query contains `text`.
    pub fn commit_containing(text: &str) -> Trigger {
        Trigger::at(Point::Commit {
            containing: Some(text.to_owned()),
        })
    }

    /// The server sends a message of this kind.
    pub fn backend(kind: Backend) -> Trigger {
        Trigger::at(Point::Backend {
            tag: backend_tag(kind),
            containing: None,
        })
    }

    /// The server completes a command whose tag (`COPY 5`, `COMMIT`) contains `text`.
    pub fn command_complete(text: &str) -> Trigger {
        Trigger::at(Point::Backend {
            tag: b'C',
            containing: Some(text.to_owned()),
        })
    }

    /// The byte number `offset` (from 0) that one connection's client sends after its startup
    /// packet and password exchange with the stand-in.
    pub fn bytes_from_client(offset: u64) -> Trigger {
        Trigger::at(Point::BytesFromClient(offset))
    }

    /// The byte number `offset` (from 0) that one connection's client receives after that.
    pub fn bytes_to_client(offset: u64) -> Trigger {
        Trigger::at(Point::BytesToClient(offset))
    }

    /// The nth occurrence, counted from 1.
    pub fn nth(mut self, nth: u64) -> Trigger {
        self.nth = nth.max(1);
        self
    }

    /// Only on connections whose `application_name` contains this.
    pub fn application(mut self, pattern: &str) -> Trigger {
        self.application = Some(pattern.to_owned());
        self
    }

    /// Only on the proxy's nth connection, counted from 1.
    pub fn on_connection(mut self, number: u64) -> Trigger {
        self.connection = Some(number);
        self
    }

    fn at(point: Point) -> Trigger {
        Trigger {
            point,
            nth: 1,
            application: None,
            connection: None,
        }
    }
}

/// How a TCP connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// FIN: the peer reads the end of the stream.
    Fin,
    /// RST: the peer reads "connection reset".
    Rst,
}

/// When the COMMIT of a client that was cut off reaches the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// After this time.
    After(Duration),
    /// When another connection sends a Query containing this text: just before that query.
    BeforeQuery(String),
    /// When the answer to another connection's Query containing this text is complete: before its
    /// ReadyForQuery is passed on.
    AfterAnswer(String),
    /// While another connection loads: just before its next CopyData.
    DuringCopy,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Close the connection before a byte is answered ([`Trigger::connect`] only).
    RefuseConnect(Close),
    /// Cut the client and the server; the message does not pass.
    Cut(Close),
    /// Cut both after `bytes` bytes of the message have passed.
    CutInside {
        /// Bytes of the message that pass, counted with its tag and length.
        bytes: usize,
        /// How the client's connection ends.
        close: Close,
    },
    /// The client hears nothing more, and is not read; the server's session, with its transaction,
    /// stays open for this long. The message does not pass.
    HalfOpen(Duration),
    /// Nothing is read from the client for this long.
    StallReading(Duration),
    /// Nothing is written to the client for this long.
    StallWriting(Duration),
    /// From here on, each direction of the connection carries at most so many bytes per second.
    Bandwidth(u64),
    /// From here on, each request of the connection (not each CopyData) is delayed by this.
    Latency(Duration),
    /// The server answers with this error, and its transaction really fails. The message does not
    /// pass. At a frontend message, the client is then not read for `deaf`.
    Error {
        /// Five characters.
        sqlstate: String,
        /// The error's message.
        message: String,
        /// For how long nothing is read from the client after the error.
        deaf: Duration,
    },
    /// So many NoticeResponse and ParameterStatus messages are sent before the message.
    Notices(usize),
    /// The CommandComplete counts `delta` more rows than it should (at a backend message).
    WrongCount(i64),
    /// From here on, the server's CopyData is cut anew: pieces of these sizes, again and again,
    /// whatever the rows. (0 is an empty message.)
    Recut(Vec<usize>),
    /// The COMMIT is answered with this error ([`Trigger::commit`] only).
    CommitFails {
        /// Five characters.
        sqlstate: String,
        /// Whether the server has committed all the same.
        committed: bool,
    },
    /// The COMMIT passes, the server commits, and the client is cut before the reply
    /// ([`Trigger::commit`] only).
    CommitThenCut(Close),
    /// The client is cut, and its COMMIT reaches the server later ([`Trigger::commit`] only).
    CutThenDeliver {
        /// When the server gets the COMMIT.
        delivery: Delivery,
        /// How the client's connection ends.
        close: Close,
    },
}

/// A trigger and an action.
#[derive(Debug, Clone)]
pub struct Fault {
    trigger: Trigger,
    action: Action,
    times: u64,
}

impl Fault {
    /// A fault that happens once.
    pub fn new(trigger: Trigger, action: Action) -> Fault {
        Fault {
            trigger,
            action,
            times: 1,
        }
    }

    /// Happens at up to so many occurrences in a row, from the trigger's nth on.
    pub fn times(mut self, times: u64) -> Fault {
        self.times = times;
        self
    }

    /// Happens at every occurrence from the trigger's nth on.
    pub fn always(self) -> Fault {
        self.times(u64::MAX)
    }
}

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

impl Delivery {
    fn is_at(&self, frame: Frame<'_>) -> bool {
        match self {
            Delivery::After(_) => false,
            Delivery::BeforeQuery(text) | Delivery::AfterAnswer(text) => {
                frame.tag() == b'Q' && frame.text().contains(text.as_str())
            }
            Delivery::DuringCopy => frame.tag() == b'd',
        }
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

impl Trigger {
    fn filters_pass(&self, place: &Place<'_>) -> bool {
        self.connection
            .is_none_or(|number| number == place.connection)
            && self
                .application
                .as_ref()
                .is_none_or(|name| place.application.contains(name))
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

fn frontend_tag(kind: Frontend) -> u8 {
    match kind {
        Frontend::Query => b'Q',
        Frontend::Parse => b'P',
        Frontend::Bind => b'B',
        Frontend::Execute => b'E',
        Frontend::Sync => b'S',
        Frontend::CopyData => b'd',
        Frontend::CopyDone => b'c',
        Frontend::CopyFail => b'f',
        Frontend::Password => b'p',
        Frontend::Terminate => b'X',
    }
}

fn backend_tag(kind: Backend) -> u8 {
    match kind {
        Backend::Authentication => b'R',
        Backend::ParameterStatus => b'S',
        Backend::BackendKeyData => b'K',
        Backend::ReadyForQuery => b'Z',
        Backend::RowDescription => b'T',
        Backend::DataRow => b'D',
        Backend::CommandComplete => b'C',
        Backend::CopyInResponse => b'G',
        Backend::CopyOutResponse => b'H',
        Backend::CopyData => b'd',
        Backend::CopyDone => b'c',
        Backend::ErrorResponse => b'E',
        Backend::NoticeResponse => b'N',
    }
}
