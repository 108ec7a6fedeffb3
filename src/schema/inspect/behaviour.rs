//! Where an application sees another behaviour.

use crate::catalog::database::{UserType, UserTypeKind};
use crate::profile::Profile;
use crate::schema::finding::{Finding, Kind, Severity};

use super::Looked;

pub(super) static SERIALIZABLE: Kind = Kind {
    id: "serializable-default",
    severity: Severity::Loss,
    title: "SERIALIZABLE is the default isolation",
    happens: "SERIALIZABLE is an error in the target, and REPEATABLE READ allows write skew",
    why: "SERIALIZABLE is not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "use REPEATABLE READ, and lock what must not change with SELECT … FOR UPDATE",
};

pub(super) static ADVISORY_LOCKS: Kind = Kind {
    id: "advisory-locks",
    severity: Severity::Loss,
    title: "advisory locks are in use now",
    happens: "in the target they hold on one node only: two clients may both get the same lock",
    why: "advisory locks are node-local (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "lock a row of a table instead: SELECT … FOR UPDATE",
};

pub(super) static LISTENERS: Kind = Kind {
    id: "listen",
    severity: Severity::Loss,
    title: "sessions LISTEN now",
    happens: "they hear nothing from the target",
    why: "LISTEN/NOTIFY is not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "poll, push from the application, or use a message queue",
};

pub(super) static PREPARED_TRANSACTIONS: Kind = Kind {
    id: "prepared-transactions",
    severity: Severity::Loss,
    title: "prepared transactions (two-phase commit)",
    happens: "what they have written is not in the snapshot, and is not copied; the target has none of them",
    why: "a snapshot shows what is committed; PREPARE TRANSACTION is not documented for a DB9",
    remedy: "COMMIT PREPARED or ROLLBACK PREPARED each of them before the migration",
};

pub(super) static SERVER_ENCODING: Kind = Kind {
    id: "server-encoding",
    severity: Severity::Change,
    title: "server encoding other than UTF-8",
    happens: "text arrives as UTF-8: lengths in bytes change, and so does bytewise order",
    why: "a DB9 is UTF-8 only (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "look at code that counts bytes of text, and at limits of varchar(n) in bytes",
};

pub(super) static SQL_ASCII: Kind = Kind {
    id: "sql-ascii",
    severity: Severity::Loss,
    title: "server encoding SQL_ASCII, which checks nothing",
    happens: "a row whose text is no UTF-8 is refused when it is copied",
    why: "a DB9 is UTF-8 only (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "--deep counts such rows per column; convert them: convert_from(col::bytea, 'LATIN1')",
};

pub(super) static ENUM_ORDER: Kind = Kind {
    id: "enum-order",
    severity: Severity::Change,
    title: "enum whose declaration order is not the order of its labels",
    happens: "ORDER BY, <, > and max() follow the labels, not the declaration",
    why: "enums sort by label (DB9 documentation, early 2026)",
    remedy: "sort by array_position('{…}', col::text), or keep the rank in a table",
};

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    let mut findings = sessions(looked);
    findings.extend(encoding(&looked.database.server.encoding));
    if Profile::yes(&looked.profile.enum_declaration_order) != Some(true) {
        findings.extend(looked.database.types.iter().filter_map(enum_order));
    }
    findings
}

fn sessions(looked: &Looked<'_>) -> Vec<Finding> {
    let profile = looked.profile;
    let mut findings = Vec::new();
    let isolation = &looked.database.server.default_isolation;
    if isolation == "serializable" && Profile::yes(&profile.serializable) != Some(true) {
        findings.push(Finding::new(&SERIALIZABLE, "default_transaction_isolation"));
    }
    let Some(state) = looked.state else {
        return findings;
    };
    let mut some = |kind, object, count: Option<u64>| {
        if let Some(count @ 1..) = count {
            findings.push(Finding::new(kind, object).counted(count));
        }
    };
    if Profile::yes(&profile.advisory_locks_global) != Some(true) {
        some(&ADVISORY_LOCKS, "the source", state.advisory_locks);
    }
    if Profile::yes(&profile.listen_notify) != Some(true) {
        some(&LISTENERS, "the source", state.listeners);
    }
    some(
        &PREPARED_TRANSACTIONS,
        "the source",
        state.prepared_transactions,
    );
    findings
}

/// An unknown one (a dump's) is none.
fn encoding(encoding: &str) -> Option<Finding> {
    let kind = match encoding {
        "" | "UTF8" => return None,
        "SQL_ASCII" => &SQL_ASCII,
        _ => &SERVER_ENCODING,
    };
    Some(Finding::new(kind, format!("server encoding {encoding}")))
}

fn enum_order(user_type: &UserType) -> Option<Finding> {
    let UserTypeKind::Enum(labels) = &user_type.kind else {
        return None;
    };
    if labels.is_sorted() || user_type.extension.is_some() {
        return None;
    }
    Some(Finding::new(
        &ENUM_ORDER,
        format!("type {}", user_type.name),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Name;
    use crate::profile::Profile;
    use crate::schema::inspect::samples::{Sample, found};

    fn an_enum(name: &str, labels: &[&str]) -> UserType {
        UserType {
            oid: 1,
            array_oid: 2,
            name: Name::new("public", name),
            kind: UserTypeKind::Enum(labels.iter().map(|l| (*l).to_owned()).collect()),
            extension: None,
            comment: None,
        }
    }

    #[test]
    fn an_enum_that_is_declared_in_another_order_than_its_labels_is_found() {
        let mut sample = Sample::default();
        sample.database.types = vec![
            an_enum("mood", &["sad", "ok", "happy"]),
            an_enum("letter", &["a", "b"]),
            // Bytewise: capitals come first.
            an_enum("case", &["a", "B"]),
        ];
        let expected = [
            "enum-order type public.mood (1)",
            "enum-order type public.case (1)",
        ];
        assert_eq!(found(&sample, find), expected);
        sample.profile = Profile::postgresql();
        assert_eq!(found(&sample, find), [""; 0]);
    }

    #[test]
    fn what_sessions_do_now_is_counted() {
        let mut sample = Sample::default();
        sample.database.server.default_isolation = "serializable".to_owned();
        sample.state.advisory_locks = Some(3);
        sample.state.listeners = Some(2);
        sample.state.prepared_transactions = Some(1);
        assert_eq!(
            found(&sample, find),
            [
                "serializable-default default_transaction_isolation (1)",
                "advisory-locks the source (3)",
                "listen the source (2)",
                "prepared-transactions the source (1)",
            ]
        );
        sample.profile = Profile::postgresql();
        assert_eq!(
            found(&sample, find),
            ["prepared-transactions the source (1)"]
        );
    }

    #[test]
    fn an_encoding_other_than_utf8_is_found_and_an_unknown_one_is_not() {
        let with = |encoding: &str| {
            let mut sample = Sample::default();
            encoding.clone_into(&mut sample.database.server.encoding);
            found(&sample, find)
        };
        assert_eq!(
            with("LATIN1"),
            ["server-encoding server encoding LATIN1 (1)"]
        );
        assert_eq!(
            with("SQL_ASCII"),
            ["sql-ascii server encoding SQL_ASCII (1)"]
        );
        assert_eq!(with(""), [""; 0]);
    }
}
