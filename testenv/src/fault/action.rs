//! What goes wrong.

use std::time::Duration;

use super::Trigger;
use super::frame::Frame;

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
    /// The server ends the session with this error. The message does not pass.
    Fatal {
        /// Five characters, such as `57P01`.
        sqlstate: String,
        /// The error's message.
        message: String,
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
    /// The server rolls back and answers the COMMIT with the tag `ROLLBACK` and without an error, as
    /// it does after a failed transaction ([`Trigger::commit`] only).
    CommitRollsBack,
    /// The CopyData does not pass, and nobody is told: its rows are lost.
    LoseData,
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
    pub(super) trigger: Trigger,
    pub(super) action: Action,
    pub(super) times: u64,
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

impl Delivery {
    /// Whether the moment of a late COMMIT is a message of another connection.
    pub(super) fn is_at(&self, frame: Frame<'_>) -> bool {
        match self {
            Delivery::After(_) => false,
            Delivery::BeforeQuery(text) | Delivery::AfterAnswer(text) => {
                frame.tag() == b'Q' && frame.text().contains(text.as_str())
            }
            Delivery::DuringCopy => frame.tag() == b'd',
        }
    }
}
