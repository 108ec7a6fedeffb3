//! How a fault is made at a place: what testenv is told to watch for, and to do.

use std::time::Duration;

use testenv::fault::{Action, Backend, Close, Delivery, Fault as Scripted, Frontend, Trigger};

use crate::seeded::Seeded;
use crate::table::{Cell, Fault, Place, Side};

/// Longer than the two seconds that a command waits for a silent server (`--io-timeout`).
const STALL: Duration = Duration::from_secs(5);

/// How long a message is held back whose sender is killed meanwhile.
const HELD: Duration = Duration::from_secs(1);

/// How long the message of a process is held back that is stopped, taken over and woken up.
const HELD_FOR_TAKEOVER: Duration = Duration::from_secs(6);

/// How long after its client's end a COMMIT arrives.
const LATE: Duration = Duration::from_secs(1);
const LATE_AFTER_KILL: Duration = Duration::from_secs(3);

/// Connections that even the shortest run opens on either side.
const CONNECTIONS: u64 = 3;
/// Of the batches, statements and rows that each run has, one of the first so many is hit.
const BATCHES: u64 = 6;
const STATEMENTS: u64 = 3;
const CHUNKS: u64 = 2;
const ROWS: u64 = 900;

/// The fault of a cell.
pub(crate) fn scripted(cell: Cell, seeded: &mut Seeded) -> Scripted {
    let scripted = Scripted::new(trigger(cell, seeded), action(cell, seeded));
    match cell.fault {
        Fault::Recut => scripted.always(),
        _ => scripted,
    }
}

fn trigger(cell: Cell, seeded: &mut Seeded) -> Trigger {
    let mut one_of = |n: u64| 1 + seeded.next(n);
    if asks_for_commit(cell) {
        return match cell.place {
            Place::Enter => Trigger::commit(),
            // The first one enters the run.
            Place::Ddl => Trigger::commit()
                .application("wire9/schema")
                .nth(1 + one_of(STATEMENTS)),
            _ => lane(Trigger::commit()).nth(one_of(commits(cell.side))),
        };
    }
    match (cell.fault, cell.place) {
        (Fault::WrongCount, Place::Record) => {
            return lane(Trigger::command_complete("INSERT 0 1")).nth(one_of(BATCHES));
        }
        // Not of the table without rows: no count is less than zero.
        (Fault::WrongCount, Place::RowsEnd) if cell.side == Side::Source => {
            return lane(Trigger::command_complete("COPY 1")).nth(one_of(CHUNKS));
        }
        (Fault::WrongCount, Place::RowsEnd) => {
            return lane(Trigger::command_complete("COPY ")).nth(one_of(BATCHES));
        }
        (Fault::WrongCount, Place::Verify) => return Trigger::command_complete("COPY 1"),
        (Fault::Recut, Place::Rows) => return lane(Trigger::query("COPY ")),
        (Fault::Recut, Place::Verify) => return Trigger::query("COPY "),
        _ => {}
    }
    match cell.side {
        Side::Target => on_target(cell.place, one_of),
        Side::Source => on_source(cell.place, one_of),
    }
}

fn on_target(place: Place, mut one_of: impl FnMut(u64) -> u64) -> Trigger {
    match place {
        Place::Connect => Trigger::connect().nth(one_of(CONNECTIONS)),
        Place::Startup => startup(one_of(CONNECTIONS)),
        Place::Catalog => Trigger::query("FROM pg_catalog.pg_attribute a"),
        Place::Snapshot => unreachable!("the target has no snapshot"),
        Place::Enter => Trigger::query("INSERT INTO wire9.run"),
        Place::Begin => Trigger::query("application_name = 'wire9/").nth(one_of(BATCHES)),
        Place::CopyStart => lane(Trigger::query("COPY ")).nth(one_of(BATCHES)),
        Place::Rows => lane(Trigger::frontend(Frontend::CopyData)).nth(one_of(BATCHES)),
        Place::RowsEnd => lane(Trigger::frontend(Frontend::CopyDone)).nth(one_of(BATCHES)),
        Place::Record => Trigger::query("INSERT INTO wire9.batch").nth(one_of(BATCHES)),
        Place::Commit => lane(Trigger::commit()).nth(one_of(BATCHES)),
        Place::Committed => lane(Trigger::command_complete("COMMIT")).nth(one_of(BATCHES)),
        Place::Verify => Trigger::backend(Backend::CopyData).nth(one_of(ROWS)),
        Place::Ddl => Trigger::query("CREATE ")
            .application("wire9/schema")
            .nth(one_of(STATEMENTS)),
        Place::Sequences => Trigger::query("setval("),
    }
}

fn on_source(place: Place, mut one_of: impl FnMut(u64) -> u64) -> Trigger {
    match place {
        Place::Connect => Trigger::connect().nth(one_of(CONNECTIONS)),
        Place::Startup => startup(one_of(CONNECTIONS)),
        Place::Catalog => Trigger::query("has_any_column_privilege"),
        Place::Snapshot => Trigger::query("pg_export_snapshot"),
        Place::Begin => Trigger::query("SET TRANSACTION SNAPSHOT").nth(one_of(CHUNKS)),
        Place::CopyStart => lane(Trigger::query("COPY ")).nth(one_of(CHUNKS)),
        Place::Rows => lane(Trigger::backend(Backend::CopyData)).nth(one_of(ROWS)),
        Place::RowsEnd => lane(Trigger::command_complete("COPY ")).nth(one_of(CHUNKS)),
        Place::Commit => lane(Trigger::commit()).nth(one_of(CHUNKS)),
        Place::Committed => lane(Trigger::command_complete("COMMIT")).nth(one_of(CHUNKS)),
        Place::Enter | Place::Record => unreachable!("the source has no ledger"),
        Place::Verify => lane(Trigger::backend(Backend::CopyData)).nth(one_of(ROWS)),
        Place::Ddl => Trigger::query("FROM pg_sequence s"),
        // Read with the schema, at the end, and with the schema again.
        Place::Sequences => Trigger::query("last_value, is_called FROM").nth(2),
    }
}

fn startup(connection: u64) -> Trigger {
    Trigger::backend(Backend::BackendKeyData).on_connection(connection)
}

/// Only in the transactions of lanes; those of the ledger and the probe have another name.
fn lane(trigger: Trigger) -> Trigger {
    trigger.application("wire9/")
}

fn commits(side: Side) -> u64 {
    match side {
        Side::Source => CHUNKS,
        Side::Target => BATCHES,
    }
}

/// Whether the fault is one of testenv's that are made at a COMMIT as it is sent.
fn asks_for_commit(cell: Cell) -> bool {
    use Fault::*;
    match cell.fault {
        RollsBack | LateAfter | LateAfterLookUp | LateDuringCopy | KillLate | KillLateRestart => {
            true
        }
        Conflict | NoRoom | Internal => matches!(cell.place, Place::Commit | Place::Committed),
        Cut => cell.place == Place::Committed,
        _ => false,
    }
}

fn action(cell: Cell, seeded: &mut Seeded) -> Action {
    let close = [Close::Fin, Close::Rst][usize::from(seeded.next(2) == 1)];
    match cell.fault {
        Fault::Refuse => Action::RefuseConnect(close),
        Fault::Cut if cell.place == Place::Committed => Action::CommitThenCut(close),
        Fault::Cut => Action::Cut(close),
        Fault::CutInside => Action::CutInside {
            bytes: inside(cell, seeded),
            close,
        },
        Fault::HalfOpen => Action::HalfOpen(STALL),
        Fault::StallReading => Action::StallReading(STALL),
        Fault::StallWriting => Action::StallWriting(STALL),
        Fault::Bandwidth => Action::Bandwidth(1_000_000),
        Fault::Latency => Action::Latency(Duration::from_millis(20)),
        Fault::Conflict => error(cell, "40001"),
        Fault::NoRoom => error(cell, "53300"),
        Fault::Shutdown => fatal("57P01"),
        Fault::Internal => error(cell, "XX000"),
        Fault::Notices => Action::Notices(3),
        Fault::WrongCount => Action::WrongCount([1, -1][usize::from(seeded.next(2) == 1)]),
        Fault::Recut => Action::Recut(vec![1, 0, 700, 65_536, 3]),
        Fault::LoseData => Action::LoseData,
        Fault::RollsBack => Action::CommitRollsBack,
        Fault::LateAfter => late(Delivery::After(LATE), close),
        Fault::LateAfterLookUp => late(Delivery::AfterAnswer(look_up(cell.place)), close),
        Fault::LateDuringCopy => late(Delivery::DuringCopy, close),
        Fault::KillLate | Fault::KillLateRestart => late(Delivery::After(LATE_AFTER_KILL), close),
        Fault::Kill => held(cell),
        Fault::WakeUp | Fault::WakeUpRestart => Action::StallReading(HELD_FOR_TAKEOVER),
    }
}

/// How many bytes of a message pass: of one with rows any number, of others some.
fn inside(cell: Cell, seeded: &mut Seeded) -> usize {
    let longest = match (cell.side, cell.place) {
        (Side::Target, Place::Rows) => 130_000,
        (_, Place::Rows | Place::Verify) => 1_000,
        _ => 12,
    };
    1 + usize::try_from(seeded.next(longest)).unwrap_or(0)
}

/// An error that the transaction survives or not; before there is one, the session ends.
fn error(cell: Cell, sqlstate: &str) -> Action {
    match cell.place {
        Place::Startup => fatal(sqlstate),
        Place::Commit | Place::Committed => Action::CommitFails {
            sqlstate: sqlstate.to_owned(),
            committed: cell.place == Place::Committed,
        },
        _ => Action::Error {
            sqlstate: sqlstate.to_owned(),
            message: "as the script says".to_owned(),
            deaf: Duration::ZERO,
        },
    }
}

fn fatal(sqlstate: &str) -> Action {
    Action::Fatal {
        sqlstate: sqlstate.to_owned(),
        message: "as the script says".to_owned(),
    }
}

fn late(delivery: Delivery, close: Close) -> Action {
    Action::CutThenDeliver { delivery, close }
}

/// The question by which a COMMIT of this place is decided.
fn look_up(place: Place) -> String {
    let question = match place {
        Place::Enter => "SELECT 1 FROM wire9.run",
        Place::Ddl => "SELECT 1 FROM wire9.statement",
        _ => "FROM wire9.batch WHERE",
    };
    question.to_owned()
}

/// Holds the message back, whichever way it goes.
fn held(cell: Cell) -> Action {
    let from_server = match cell.place {
        Place::Startup | Place::Committed | Place::Verify => true,
        Place::Rows | Place::RowsEnd => cell.side == Side::Source,
        _ => false,
    };
    match from_server {
        true => Action::StallWriting(HELD),
        false => Action::StallReading(HELD),
    }
}
