//! The matrix: which fault can happen at which place, on which side, and where not, why not.

use std::fmt;

/// Between wire9 and which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Target,
}

/// What wire9 and the server are at when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A connection is opened.
    Connect,
    /// The server lets the client in.
    Startup,
    /// Tables and columns are read.
    Catalog,
    /// The snapshot is exported.
    Snapshot,
    /// The run and its plan are entered into the ledger.
    Enter,
    /// A lane begins a transaction.
    Begin,
    /// A lane asks for COPY.
    CopyStart,
    /// Rows are on their way, at a random message of them and a random byte.
    Rows,
    /// All rows of a COPY are sent.
    RowsEnd,
    /// A batch's row is written into the ledger.
    Record,
    /// COMMIT is sent and has not taken effect.
    Commit,
    /// COMMIT has taken effect and is not answered.
    Committed,
    /// `wire9 verify` reads rows.
    Verify,
    /// `wire9 migrate` makes the schema; on the source, reads it.
    Ddl,
    /// `wire9 migrate` sets sequences; on the source, reads where they are.
    Sequences,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is refused.
    Refuse,
    /// The connection is cut before a message.
    Cut,
    /// The connection is cut inside a message, at a random byte.
    CutInside,
    /// Nothing more is heard, and the server's session stays open.
    HalfOpen,
    /// The server does not read for longer than wire9 waits.
    StallReading,
    /// The server does not write for longer than wire9 waits.
    StallWriting,
    /// The line becomes narrow.
    Bandwidth,
    /// The line becomes long.
    Latency,
    /// 40001.
    Conflict,
    /// 53300.
    NoRoom,
    /// 57P01, and the session ends.
    Shutdown,
    /// XX000.
    Internal,
    /// Notices and parameters come between messages.
    Notices,
    /// A command's tag counts one row more or less.
    WrongCount,
    /// The server's rows are cut into messages at any byte.
    Recut,
    /// Rows are lost on their way, without a word.
    LoseData,
    /// COMMIT is answered with ROLLBACK, without an error.
    RollsBack,
    /// The client is cut off, its COMMIT arrives a second later.
    LateAfter,
    /// The client is cut off, its COMMIT arrives after the ledger was looked into.
    LateAfterLookUp,
    /// The client is cut off, its COMMIT arrives while the rows are sent again.
    LateDuringCopy,
    /// The process is killed.
    Kill,
    /// The process is killed, its COMMIT arrives while the next one goes on.
    KillLate,
    /// The same, and the next one begins anew (`--restart`).
    KillLateRestart,
    /// The process is stopped, another takes its run over and ends it, then it wakes up.
    WakeUp,
    /// The same, and the other began anew (`--restart`).
    WakeUpRestart,
}

/// Why a fault can not happen at a place.
pub(crate) const REASONS: [&str; 11] = [
    ONLY_ON_SOURCE,
    ONLY_IN_TARGET,
    NO_MESSAGE,
    ONLY_AT_CONNECT,
    NO_COUNT,
    NO_ROWS,
    NO_ROWS_OF_SERVER,
    READ_ONLY,
    NO_COMMIT,
    NO_COPY_BEFORE,
    LOCKED_OUT,
];
const ONLY_ON_SOURCE: &str = "only the source has a snapshot";
const ONLY_IN_TARGET: &str = "the ledger is in the target";
const NO_MESSAGE: &str = "no message is under way yet";
const ONLY_AT_CONNECT: &str = "only a new connection can be refused";
const NO_COUNT: &str = "no tag that counts rows is sent there";
const NO_ROWS: &str = "no rows are sent there; any other lost message is a silence";
const NO_ROWS_OF_SERVER: &str = "the server sends no rows there";
const READ_ONLY: &str = "nothing is written to the source that could be lost or come late";
const NO_COMMIT: &str = "no COMMIT is under way there";
const NO_COPY_BEFORE: &str =
    "nothing is copied, and nothing restarted, before such a COMMIT is decided";
const LOCKED_OUT: &str = "only between its transactions nothing of a stopped process is in another's way; \
                          inside one, the takeover waits for its end";

/// Why a fault can not happen at a place; `None`: it can.
fn why_not(fault: Fault, side: Side, place: Place) -> Option<&'static str> {
    use Fault::*;
    use Place::*;
    use Side::*;
    match (fault, side, place) {
        // the places that a side does not have
        (_, Target, Snapshot) => Some(ONLY_ON_SOURCE),
        (_, Source, Enter | Record) => Some(ONLY_IN_TARGET),

        // connections
        (Refuse | HalfOpen | StallReading | Kill, _, Connect) => None,
        (_, _, Connect) => Some(NO_MESSAGE),
        (Refuse, ..) => Some(ONLY_AT_CONNECT),

        // rows
        (WrongCount, _, RowsEnd | Record | Verify) => None,
        (WrongCount, ..) => Some(NO_COUNT),
        (LoseData, _, Rows | Verify) => None,
        (LoseData, ..) => Some(NO_ROWS),
        (Recut, Source, Rows) | (Recut, _, Verify) => None,
        (Recut, ..) => Some(NO_ROWS_OF_SERVER),

        // commits
        (
            RollsBack | LateAfter | LateAfterLookUp | LateDuringCopy | KillLate | KillLateRestart
            | WakeUp | WakeUpRestart,
            Source,
            _,
        ) => Some(READ_ONLY),
        (RollsBack | LateAfter | LateAfterLookUp | KillLate, _, Enter | Commit | Ddl) => None,
        (LateDuringCopy | KillLateRestart, _, Commit) => None,
        (LateDuringCopy | KillLateRestart, _, Enter | Ddl) => Some(NO_COPY_BEFORE),
        (
            RollsBack | LateAfter | LateAfterLookUp | LateDuringCopy | KillLate | KillLateRestart,
            ..,
        ) => Some(NO_COMMIT),

        // processes
        (WakeUp | WakeUpRestart, _, Begin) => None,
        (WakeUp | WakeUpRestart, ..) => Some(LOCKED_OUT),

        // what can happen to any message
        (
            Cut | CutInside | HalfOpen | StallReading | StallWriting | Bandwidth | Latency
            | Conflict | NoRoom | Shutdown | Internal | Notices | Kill,
            ..,
        ) => None,
    }
}

/// Whether the tables have primary keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Keyed,
    Keyless,
}

/// A fault that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) fault: Fault,
    pub(crate) side: Side,
    pub(crate) place: Place,
    pub(crate) shape: Shape,
}

/// All cells: by side, fault and place, with keys and without.
pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for side in Side::ALL {
        for fault in Fault::ALL {
            for place in Place::ALL {
                if possible(fault, side, place).is_ok() {
                    let of = |shape| Cell {
                        fault,
                        side,
                        place,
                        shape,
                    };
                    cells.extend([Shape::Keyed, Shape::Keyless].map(of));
                }
            }
        }
    }
    cells
}

/// Whether a fault can happen at a place; else why not.
pub(crate) fn possible(fault: Fault, side: Side, place: Place) -> Result<(), &'static str> {
    why_not(fault, side, place).map_or(Ok(()), Err)
}

impl Side {
    pub(crate) const ALL: [Self; 2] = [Self::Target, Self::Source];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

impl Place {
    pub(crate) const ALL: [Self; 15] = [
        Self::Connect,
        Self::Startup,
        Self::Catalog,
        Self::Snapshot,
        Self::Enter,
        Self::Begin,
        Self::CopyStart,
        Self::Rows,
        Self::RowsEnd,
        Self::Record,
        Self::Commit,
        Self::Committed,
        Self::Verify,
        Self::Ddl,
        Self::Sequences,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Startup => "startup",
            Self::Catalog => "catalog",
            Self::Snapshot => "snapshot",
            Self::Enter => "entering the run",
            Self::Begin => "BEGIN",
            Self::CopyStart => "COPY",
            Self::Rows => "rows",
            Self::RowsEnd => "end of rows",
            Self::Record => "ledger row",
            Self::Commit => "COMMIT",
            Self::Committed => "after COMMIT",
            Self::Verify => "verify",
            Self::Ddl => "DDL",
            Self::Sequences => "sequences",
        }
    }
}

impl Fault {
    pub(crate) const ALL: [Self; 25] = [
        Self::Refuse,
        Self::Cut,
        Self::CutInside,
        Self::HalfOpen,
        Self::StallReading,
        Self::StallWriting,
        Self::Bandwidth,
        Self::Latency,
        Self::Conflict,
        Self::NoRoom,
        Self::Shutdown,
        Self::Internal,
        Self::Notices,
        Self::WrongCount,
        Self::Recut,
        Self::LoseData,
        Self::RollsBack,
        Self::LateAfter,
        Self::LateAfterLookUp,
        Self::LateDuringCopy,
        Self::Kill,
        Self::KillLate,
        Self::KillLateRestart,
        Self::WakeUp,
        Self::WakeUpRestart,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refused",
            Self::Cut => "cut",
            Self::CutInside => "cut inside a message",
            Self::HalfOpen => "half open",
            Self::StallReading => "stops reading",
            Self::StallWriting => "stops writing",
            Self::Bandwidth => "narrow line",
            Self::Latency => "long line",
            Self::Conflict => "error 40001",
            Self::NoRoom => "error 53300",
            Self::Shutdown => "error 57P01",
            Self::Internal => "error XX000",
            Self::Notices => "notices and parameters",
            Self::WrongCount => "wrong count in the tag",
            Self::Recut => "rows cut anywhere",
            Self::LoseData => "rows lost on the way",
            Self::RollsBack => "COMMIT answered ROLLBACK",
            Self::LateAfter => "cut, COMMIT arrives 1 s later",
            Self::LateAfterLookUp => "cut, COMMIT arrives after the look into the ledger",
            Self::LateDuringCopy => "cut, COMMIT arrives in the next COPY",
            Self::Kill => "SIGKILL",
            Self::KillLate => "SIGKILL, COMMIT arrives later",
            Self::KillLateRestart => "SIGKILL, --restart, COMMIT arrives later",
            Self::WakeUp => "stopped, taken over, woken up",
            Self::WakeUpRestart => "stopped, --restart elsewhere, woken up",
        }
    }
}

impl Cell {
    /// The seed of its random choices: another one for each cell, always the same.
    pub(crate) fn seed(self) -> u64 {
        let name = self.to_string();
        // FNV-1a
        name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    }
}

/// `cut at COMMIT of the target, without keys`
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match self.shape {
            Shape::Keyed => "with keys",
            Shape::Keyless => "without keys",
        };
        let (fault, place, side) = (self.fault.name(), self.place.name(), self.side.name());
        write!(f, "{fault} at {place} of the {side}, {keys}")
    }
}
