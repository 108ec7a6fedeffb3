//! The source itself: its version, what the user may read, and whether it can feed a copy.

use crate::catalog::database::{RelationKind, ServerState};
use crate::catalog::readable;
use crate::schema::finding::{Finding, Kind, Severity};

use super::Looked;

pub(super) static UNSUPPORTED_SOURCE: Kind = Kind {
    id: "unsupported-source",
    severity: Severity::Loss,
    title: "source that was never tested",
    happens: "what its catalog says may be read wrongly, or not at all",
    why: "wire9 is tested with PostgreSQL 13 to 18; --unsupported-source was given",
    remedy: "upgrade the source first",
};

pub(super) static CATALOG_NOT_READ: Kind = Kind {
    id: "catalog-not-read",
    severity: Severity::Loss,
    title: "part of the catalog that could not be read",
    happens: "what is there is neither checked nor converted",
    why: "the server refused it to this user",
    remedy: "connect as a role that may read it (superuser, or a member of pg_read_all_data)",
};

pub(super) static NOT_READABLE: Kind = Kind {
    id: "not-readable",
    severity: Severity::Blocker,
    title: "table whose rows this user may not read",
    happens: "it can not be copied",
    why: "no SELECT privilege on all of its columns",
    remedy: "GRANT SELECT on it, or connect as a member of pg_read_all_data",
};

pub(super) static HIDDEN_ROWS: Kind = Kind {
    id: "hidden-by-row-security",
    severity: Severity::Blocker,
    title: "row-level security hides rows from this user",
    happens: "copying it ends with an error (row_security = off), since rows would be missing without a word",
    why: "its policies apply to the connected role",
    remedy: "connect as a superuser, as a role with BYPASSRLS, or as the owner where it is not forced",
};

pub(super) static NO_SNAPSHOT: Kind = Kind {
    id: "no-snapshot-export",
    severity: Severity::Blocker,
    title: "no snapshot can be exported",
    happens: "several readers can not see the same moment, and nothing is copied",
    why: "pg_export_snapshot() is refused or unknown, or a pooler gives each statement another session",
    remedy: "give the address of the server itself, or of a pooler in session or transaction mode",
};

pub(super) static CONNECTIONS: Kind = Kind {
    id: "source-connections",
    severity: Severity::Note,
    title: "few connections are free in the source",
    happens: "a copy with that many lanes may be refused connections",
    why: "max_connections, or the limit of the role or database",
    remedy: "give fewer --jobs, end idle sessions, or raise the limit",
};

pub(super) static STANDBY: Kind = Kind {
    id: "source-standby",
    severity: Severity::Note,
    title: "the source is a standby",
    happens: "it is copied as far as it has replayed; a conflict with replay may end the snapshot",
    why: "pg_is_in_recovery() is true",
    remedy: "set max_standby_streaming_delay = -1 for the time of the copy, or copy from the primary",
};

pub(super) static POOLER: Kind = Kind {
    id: "source-pooler",
    severity: Severity::Note,
    title: "a pooler in transaction mode stands before the source",
    happens: "it works: every setting is made inside each transaction",
    why: "two transactions of one connection were answered by two sessions",
    remedy: "none is needed; its timeouts must be longer than the copy",
};

pub(super) static LONG_TRANSACTIONS: Kind = Kind {
    id: "long-transactions",
    severity: Severity::Note,
    title: "transactions that have been open for long",
    happens: "what they write and have not committed is not in the snapshot; they keep locks and old rows",
    why: "they are older than five minutes",
    remedy: "end them before the copy that counts",
};

pub(super) static XID_AGE: Kind = Kind {
    id: "xid-age",
    severity: Severity::Note,
    title: "transaction ids are being used up",
    happens: "a long copy holds the oldest of them back for as long as it runs",
    why: "age(datfrozenxid) is above 75 % of 2^31, at which PostgreSQL stops writing",
    remedy: "VACUUM (FREEZE) before the copy",
};

pub(super) static XID_AGE_CRITICAL: Kind = Kind {
    id: "xid-age-critical",
    severity: Severity::Blocker,
    title: "transaction ids are nearly used up",
    happens: "the source stops writing soon, and a copy's snapshot keeps VACUUM from helping",
    why: "age(datfrozenxid) is above 95 % of 2^31, at which PostgreSQL stops writing",
    remedy: "VACUUM (FREEZE) now, before anything else",
};

pub(super) static SLOT_HOLDS_WAL: Kind = Kind {
    id: "slot-holds-wal",
    severity: Severity::Note,
    title: "a replication slot holds WAL back",
    happens: "the source's disk may fill up, more so while a long copy runs",
    why: "its reader is behind by more than 1 GiB, or gone",
    remedy: "let its reader catch up, or drop it: pg_drop_replication_slot()",
};

/// Versions that are tested, `server_version_num`.
const TESTED: std::ops::Range<u32> = 130_000..190_000;

/// Connections of a copy besides its lanes: the keeper, counters, a spare one.
const BESIDE_LANES: u32 = 6;

/// Where PostgreSQL refuses to assign transaction ids: half of their space.
const XID_LIMIT: u64 = 1 << 31;

/// Bytes of WAL that a slot may hold back before it is told.
const HELD_WAL: u64 = 1 << 30;

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    let mut findings = version(looked);
    findings.extend(readable_by_user(looked));
    if let Some(state) = looked.state {
        findings.extend(ways_of_reading(state));
        findings.extend(connections(state, looked.jobs));
        findings.extend(age(state));
        findings.extend(waiting(state));
    }
    findings
}

fn version(looked: &Looked<'_>) -> Vec<Finding> {
    let server = &looked.database.server;
    if server.version == 0 || TESTED.contains(&server.version) {
        return Vec::new();
    }
    let finding = Finding::new(&UNSUPPORTED_SOURCE, "the source");
    vec![finding.detail(format!("PostgreSQL {}", server.version_text))]
}

fn readable_by_user(looked: &Looked<'_>) -> Vec<Finding> {
    let database = looked.database;
    let not_read = database.not_read.iter();
    let not_read = not_read.map(|what| Finding::new(&CATALOG_NOT_READ, what.as_str()));
    // Rows of a partitioned table are its leaves'; a foreign table has none of its own.
    let tables = database.relations.iter().filter(|relation| {
        relation.kind == RelationKind::Table && !relation.readable && relation.extension.is_none()
    });
    let tables = tables.map(|r| Finding::new(&NOT_READABLE, format!("table {}", r.name)));
    let hidden = looked
        .state
        .map(|state| state.hidden_by_row_security.iter());
    let hidden = hidden.into_iter().flatten();
    let hidden = hidden.map(|name| Finding::new(&HIDDEN_ROWS, format!("table {name}")));
    not_read.chain(tables).chain(hidden).collect()
}

fn ways_of_reading(state: &ServerState) -> Vec<Finding> {
    let ways = [
        (state.exports_snapshots == Some(false), &NO_SNAPSHOT),
        (state.in_recovery, &STANDBY),
        (state.session_holds == Some(false), &POOLER),
    ];
    let so = ways.into_iter().filter(|(so, _)| *so);
    so.map(|(_, kind)| Finding::new(kind, "the source"))
        .collect()
}

fn connections(state: &ServerState, jobs: u32) -> Option<Finding> {
    let needed = jobs.saturating_add(BESIDE_LANES);
    let free = match (state.connections_allowed, state.connections_used) {
        (Some(allowed), Some(used)) => Some(allowed.saturating_sub(used)),
        _ => None,
    };
    let room = free.into_iter().chain(state.connection_limit).min()?;
    (room < needed).then(|| {
        let says = format!("room for {room}, {jobs} lanes need up to {needed}");
        Finding::new(&CONNECTIONS, "the source").detail(says)
    })
}

fn age(state: &ServerState) -> Option<Finding> {
    let age = state.xid_age?;
    let percent = age.saturating_mul(100) / XID_LIMIT;
    let kind = match percent {
        0..75 => return None,
        75..95 => &XID_AGE,
        95.. => &XID_AGE_CRITICAL,
    };
    Some(Finding::new(kind, "the source").detail(format!("{percent} % of 2^31")))
}

fn waiting(state: &ServerState) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(count @ 1..) = state.long_transactions {
        let longest = state.longest_transaction_seconds.unwrap_or_default() / 60;
        let finding = Finding::new(&LONG_TRANSACTIONS, "the source").counted(count);
        findings.push(finding.detail(format!("the oldest since {longest} minutes")));
    }
    for slot in state.replication_slots.iter().flatten() {
        if slot.held_bytes >= HELD_WAL {
            let object = format!("replication slot {}", readable(&slot.name));
            let says = format!("{} GiB", slot.held_bytes >> 30);
            findings.push(Finding::new(&SLOT_HOLDS_WAL, object).detail(says));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::{Name, Slot};
    use crate::schema::inspect::samples::{Sample, found, relation, table};

    fn with(change: impl FnOnce(&mut ServerState)) -> Vec<String> {
        let mut sample = Sample::default();
        change(&mut sample.state);
        found(&sample, find)
    }

    #[test]
    fn a_healthy_source_has_no_finding() {
        assert_eq!(with(|_| ()), [""; 0]);
    }

    #[test]
    fn a_version_that_was_not_tested_is_repeated_in_the_report() {
        let mut sample = Sample::default();
        let server = &mut sample.database.server;
        (server.version, server.version_text) = (120_015, "12.15".to_owned());
        assert_eq!(
            found(&sample, find),
            ["unsupported-source the source (1): PostgreSQL 12.15"]
        );
        sample.database.server.version = 190_000;
        assert_eq!(found(&sample, find).len(), 1);
        sample.database.server.version = 0;
        assert_eq!(found(&sample, find), [""; 0], "a dump does not tell it");
    }

    #[test]
    fn what_the_user_may_not_read_is_named() {
        let mut sample = Sample::default();
        let mut secret = table("secret");
        secret.readable = false;
        let mut foreign = relation("foreign", RelationKind::Foreign);
        foreign.readable = false;
        sample.database.relations = vec![table("open"), secret, foreign];
        sample.database.not_read = vec!["pg_user_mapping".to_owned()];
        sample.state.hidden_by_row_security = vec![Name::new("public", "open")];
        assert_eq!(
            found(&sample, find),
            [
                "catalog-not-read pg_user_mapping (1)",
                "not-readable table public.secret (1)",
                "hidden-by-row-security table public.open (1)",
            ]
        );
    }

    #[test]
    fn standbys_poolers_and_missing_snapshots_are_said() {
        let said = with(|state| {
            state.in_recovery = true;
            state.session_holds = Some(false);
            state.exports_snapshots = Some(false);
        });
        assert_eq!(
            said,
            [
                "no-snapshot-export the source (1)",
                "source-standby the source (1)",
                "source-pooler the source (1)",
            ]
        );
    }

    #[test]
    fn connections_are_counted_against_what_the_lanes_need() {
        let room = |allowed, used, limit| {
            with(|state| {
                state.connections_allowed = allowed;
                state.connections_used = used;
                state.connection_limit = limit;
            })
        };
        assert_eq!(room(Some(97), Some(87), None), [""; 0]);
        let few = "source-connections the source (1): room for 9, 4 lanes need up to 10";
        assert_eq!(room(Some(97), Some(88), None), [few]);
        assert_eq!(room(Some(97), Some(1), Some(9)), [few]);
        assert_eq!(room(Some(97), None, None), [""; 0], "unknown");
    }

    #[test]
    fn the_age_of_transaction_ids_has_two_steps() {
        let aged = |age| with(|state| state.xid_age = Some(age));
        assert_eq!(aged(1_610_612_735), [""; 0]);
        assert_eq!(
            aged(1_610_612_736),
            ["xid-age the source (1): 75 % of 2^31"]
        );
        let critical = aged(2_050_000_000);
        assert_eq!(critical, ["xid-age-critical the source (1): 95 % of 2^31"]);
    }

    #[test]
    fn long_transactions_and_slots_that_hold_wal_are_said() {
        let slot = |name: &str, held_bytes| Slot {
            name: name.to_owned(),
            active: true,
            held_bytes,
        };
        let said = with(|state| {
            state.long_transactions = Some(2);
            state.longest_transaction_seconds = Some(725);
            state.replication_slots = Some(vec![slot("idle", 5 << 30), slot("busy", 1 << 20)]);
        });
        assert_eq!(
            said,
            [
                "long-transactions the source (2): the oldest since 12 minutes",
                "slot-holds-wal replication slot idle (1): 5 GiB",
            ]
        );
    }
}
