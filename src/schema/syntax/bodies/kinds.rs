//! The kinds of findings about SQL and PL/pgSQL texts.

use crate::schema::finding::{Kind, Severity};

/// All of them.
pub(in crate::schema) const KINDS: &[&Kind] = &[
    &NOT_CHECKED,
    &PLPGSQL_WHILE,
    &PLPGSQL_EXECUTE,
    &PLPGSQL_EXCEPTION,
    &PLPGSQL_CURSOR,
    &PLPGSQL_MISSING,
    &PLPGSQL_UNDOCUMENTED,
    &LISTEN_NOTIFY,
    &ADVISORY_LOCK,
    &SERIALIZABLE,
    &TABLESAMPLE,
    &SYSTEM_COLUMN,
    &MISSING_FUNCTION,
    &UNDOCUMENTED_FUNCTION,
    &LARGE_OBJECT_FUNCTION,
    &EXTENSION_FUNCTION,
    &BROKEN_FUNCTION_CALL,
    &BROKEN_REFERENCE,
    &SKIP_LOCKED,
    &TRUNCATE_FORM,
    &REPLICATION_ROLE,
    &COLLATE_CLAUSE,
    &COPY_IN_BODY,
    &DDL_IN_BODY,
    &UNDOCUMENTED_SQL,
    &ONLY,
];

pub(super) static NOT_CHECKED: Kind = Kind {
    id: "not-checked",
    severity: Severity::Note,
    title: "text that could not be read",
    happens: "nothing is known of what it uses; it is moved as it is",
    why: "PostgreSQL's parser does not read it, or this wire9 is built without that parser",
    remedy: "look through it by hand, and try it on the target",
};

pub(super) static PLPGSQL_WHILE: Kind = Kind {
    id: "plpgsql-while",
    severity: Severity::Loss,
    title: "WHILE in PL/pgSQL",
    happens: "the routine is left out",
    why: "no WHILE loops (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "rewrite the loop as FOR over a range or a query",
};

pub(super) static PLPGSQL_EXECUTE: Kind = Kind {
    id: "plpgsql-execute",
    severity: Severity::Loss,
    title: "dynamic SQL in PL/pgSQL",
    happens: "the routine is left out",
    why: "no EXECUTE (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "write the statements out, or make them in the application",
};

pub(super) static PLPGSQL_EXCEPTION: Kind = Kind {
    id: "plpgsql-exception",
    severity: Severity::Loss,
    title: "exception handler in PL/pgSQL",
    happens: "the routine is left out",
    why: "no BEGIN … EXCEPTION (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "avoid the error beforehand (ON CONFLICT, IF EXISTS), or handle it in the application",
};

pub(super) static PLPGSQL_CURSOR: Kind = Kind {
    id: "plpgsql-cursor",
    severity: Severity::Loss,
    title: "cursor in PL/pgSQL",
    happens: "the routine is left out",
    why: "no cursor operations (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "rewrite it as FOR over the query",
};

pub(super) static PLPGSQL_MISSING: Kind = Kind {
    id: "plpgsql-missing",
    severity: Severity::Loss,
    title: "PL/pgSQL that the target does not have",
    happens: "the routine is left out",
    why: "the target's profile lists it as missing (plpgsql_missing)",
    remedy: "rewrite the routine without it",
};

pub(super) static PLPGSQL_UNDOCUMENTED: Kind = Kind {
    id: "plpgsql-undocumented",
    severity: Severity::Note,
    title: "PL/pgSQL beyond what the target documents",
    happens: "the routine is moved as it is, and may not be supported",
    why: "variables, IF, FOR, PERFORM, RAISE and RETURN are named as supported, this is not named at all \
          (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "call the routine on the target before you rely on it",
};

pub(super) static LISTEN_NOTIFY: Kind = Kind {
    id: "listen-notify",
    severity: Severity::Loss,
    title: "LISTEN or NOTIFY in a text",
    happens: "nobody is notified; the statement fails",
    why: "no LISTEN/NOTIFY (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "poll, push from the application, or use a message queue",
};

pub(super) static ADVISORY_LOCK: Kind = Kind {
    id: "advisory-lock-call",
    severity: Severity::Change,
    title: "advisory lock in a text",
    happens: "it holds on one node only, and not on the others",
    why: "advisory locks are node-local (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "lock a row with SELECT … FOR UPDATE instead",
};

pub(super) static SERIALIZABLE: Kind = Kind {
    id: "serializable-in-text",
    severity: Severity::Loss,
    title: "SERIALIZABLE in a text",
    happens: "the statement fails, or less is isolated than was asked for",
    why: "SERIALIZABLE is an error (DB9 guide \"Migrate from PostgreSQL\"); on a later page it becomes \
          REPEATABLE READ with a warning",
    remedy: "use REPEATABLE READ, and lock what must not change",
};

pub(super) static TABLESAMPLE: Kind = Kind {
    id: "tablesample",
    severity: Severity::Loss,
    title: "TABLESAMPLE",
    happens: "the statement fails",
    why: "TABLESAMPLE is documented nowhere (DB9 documentation, 2026)",
    remedy: "use WHERE random() < fraction",
};

pub(super) static SYSTEM_COLUMN: Kind = Kind {
    id: "system-column",
    severity: Severity::Loss,
    title: "system column",
    happens: "the statement fails",
    why: "ctid, xmin and the like are documented nowhere, and rows are stored in another way (DB9 \
          documentation, 2026)",
    remedy: "use a key instead",
};

pub(super) static MISSING_FUNCTION: Kind = Kind {
    id: "missing-function",
    severity: Severity::Loss,
    title: "function that the target does not have",
    happens: "the statement fails",
    why: "the target's profile lists it as missing (missing_functions)",
    remedy: "do without it, or write a function of that name",
};

pub(super) static UNDOCUMENTED_FUNCTION: Kind = Kind {
    id: "undocumented-function",
    severity: Severity::Note,
    title: "function that may not exist in the target",
    happens: "the text is moved as it is; the statement may fail",
    why: "pg_get_…def, sizes, snapshots, and hash functions other than md5 are documented nowhere (DB9 \
          documentation, 2026)",
    remedy: "call it on the target before you rely on it",
};

pub(super) static LARGE_OBJECT_FUNCTION: Kind = Kind {
    id: "large-object-function",
    severity: Severity::Loss,
    title: "function of large objects",
    happens: "the statement fails",
    why: "no large objects (TiDB Cloud Starter documentation, autumn 2026)",
    remedy: "store the bytes in a bytea column",
};

pub(super) static EXTENSION_FUNCTION: Kind = Kind {
    id: "extension-function",
    severity: Severity::Loss,
    title: "function of an extension that the target does not have",
    happens: "the statement fails",
    why: "nine built-in extensions only (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "do without it, or write a function of that name in SQL or PL/pgSQL",
};

pub(super) static BROKEN_FUNCTION_CALL: Kind = Kind {
    id: "broken-function-call",
    severity: Severity::Note,
    title: "call of a function that does not exist in the source",
    happens: "the text is moved as it is; the statement fails there as it does here",
    why: "the source's catalog has no function of that name in that schema",
    remedy: "make the function, or take the call out",
};

pub(super) static BROKEN_REFERENCE: Kind = Kind {
    id: "broken-reference",
    severity: Severity::Note,
    title: "table or view that does not exist in the source",
    happens: "the text is moved as it is; the statement fails there as it does here",
    why: "the source's catalog has no relation of that name",
    remedy: "make the table, or take the statement out",
};

pub(super) static SKIP_LOCKED: Kind = Kind {
    id: "skip-locked",
    severity: Severity::Note,
    title: "FOR UPDATE SKIP LOCKED",
    happens: "the statement may wait, or fail",
    why: "SKIP LOCKED is documented nowhere (DB9 documentation, 2026); the probe tells",
    remedy: "try it on the target; a queue may need another way to hand out rows",
};

pub(super) static TRUNCATE_FORM: Kind = Kind {
    id: "truncate-form",
    severity: Severity::Loss,
    title: "TRUNCATE of several tables, CASCADE, or RESTART IDENTITY",
    happens: "the statement fails",
    why: "TRUNCATE takes one table and no CASCADE or RESTART IDENTITY (TiDB Cloud Starter documentation, \
          autumn 2026)",
    remedy: "truncate one table at a time, children first, and set sequences by setval",
};

pub(super) static REPLICATION_ROLE: Kind = Kind {
    id: "session-replication-role",
    severity: Severity::Loss,
    title: "session_replication_role",
    happens: "the statement fails; triggers fire",
    why: "session_replication_role is refused (TiDB Cloud Starter documentation, autumn 2026)",
    remedy: "let the triggers look at a setting of your own",
};

pub(super) static COLLATE_CLAUSE: Kind = Kind {
    id: "collate-clause",
    severity: Severity::Change,
    title: "COLLATE in a text",
    happens: "text is compared and sorted bytewise, or the statement fails",
    why: "text sorts by its bytes (DB9 documentation, early 2026)",
    remedy: "sort in the application, or by a column made for sorting",
};

pub(super) static COPY_IN_BODY: Kind = Kind {
    id: "copy-in-body",
    severity: Severity::Loss,
    title: "COPY with a file, a program or a query in a body",
    happens: "the statement fails",
    why: "COPY takes a table, FROM STDIN or TO STDOUT (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "copy from the application",
};

pub(super) static DDL_IN_BODY: Kind = Kind {
    id: "ddl-in-body",
    severity: Severity::Loss,
    title: "statement in a body that makes what the target does not have",
    happens: "the statement fails",
    why: "no partitions, inheritance, rules, policies, publications, foreign tables, tablespaces (DB9 guide \
          \"Migrate from PostgreSQL\")",
    remedy: "take the statement out of the routine",
};

pub(super) static UNDOCUMENTED_SQL: Kind = Kind {
    id: "undocumented-sql",
    severity: Severity::Note,
    title: "SQL that no document of the target names",
    happens: "the text is moved as it is; the statement may fail",
    why: "it is neither in the list of what works nor of what does not (DB9 guide \"Migrate from \
          PostgreSQL\")",
    remedy: "run it on the target before you rely on it",
};

pub(super) static ONLY: Kind = Kind {
    id: "only-of-parent",
    severity: Severity::Change,
    title: "ONLY of a table with partitions or children",
    happens: "their rows are the table's own in the target: it sees or changes them, too",
    why: "no partitioning and no inheritance (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "tell the rows apart by a column, or take the statement out",
};
