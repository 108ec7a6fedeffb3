//! What SQL statements and expressions use that the target may not have.

use std::collections::HashSet;

use serde_json::Value;

use super::super::lexer::{Kind as Token, Lexed};
use super::super::tree::{self, Fields, Parsed, Seen};
use super::kinds;
use super::known::Known;
use crate::catalog::database::Name;
use crate::catalog::readable;
use crate::profile::{Fact, Profile};
use crate::schema::finding::Kind;

/// A use of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) kind: &'static Kind,
    /// What it is: `pg_notify`, `ctid`.
    pub(super) what: String,
    /// The byte of the text, where it is known.
    pub(super) at: Option<usize>,
}

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// A body: its names are looked up when it runs.
    Body,
    /// A view, a default: its names were looked up when it was made.
    Checked,
}

const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

const DDL: &str = "DDL in a routine";

/// Functions of large objects.
const LARGE_OBJECTS: [&str; 21] = [
    "lo_create",
    "lo_creat",
    "lo_import",
    "lo_export",
    "lo_open",
    "lo_close",
    "lo_put",
    "lo_get",
    "lo_unlink",
    "lo_from_bytea",
    "loread",
    "lowrite",
    "lo_lseek",
    "lo_lseek64",
    "lo_tell",
    "lo_tell64",
    "lo_truncate",
    "lo_truncate64",
    "lo_manage",
    "lo_oid",
    "lo",
];

/// Functions of which no document of DB9 says that they exist.
const UNDOCUMENTED: [&str; 40] = [
    "pg_export_snapshot",
    "pg_current_snapshot",
    "pg_snapshot_xmin",
    "txid_current",
    "txid_current_snapshot",
    "pg_current_xact_id",
    "pg_current_wal_lsn",
    "pg_relation_size",
    "pg_total_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_database_size",
    "pg_column_size",
    "pg_get_viewdef",
    "pg_get_functiondef",
    "pg_get_indexdef",
    "pg_get_constraintdef",
    "pg_get_triggerdef",
    "pg_get_expr",
    "pg_get_ruledef",
    "hashtext",
    "hashint4",
    "hashint8",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "crc32",
    "crc32c",
    "pg_read_file",
    "pg_ls_dir",
    "pg_stat_file",
    "pg_backend_pid",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_sleep",
    "pg_reload_conf",
    "dblink",
    "dblink_exec",
    "pg_xact_status",
];

/// Functions of the server that extensions have for types of their own, too.
const OVERLOADED: [&str; 20] = [
    "box",
    "length",
    "lower",
    "max",
    "min",
    "path",
    "point",
    "polygon",
    "regexp_match",
    "regexp_matches",
    "regexp_replace",
    "regexp_split_to_array",
    "regexp_split_to_table",
    "replace",
    "split_part",
    "strpos",
    "sum",
    "text",
    "translate",
    "upper",
];

/// Words that make an expression worth a look.
const SUSPICIOUS: [&str; 18] = [
    "only",
    "grouping",
    "rollup",
    "cube",
    "xmlagg",
    "xmltable",
    "xmlforest",
    "xmlparse",
    "json_table",
    "tablesample",
    "collate",
    "skip",
    "notify",
    "listen",
    "serializable",
    "xmlelement",
    "select",
    "pg_notify",
];

/// Whether a text has a word that this module would look at: the parser is not asked for others.
pub(super) fn is_suspicious(lexed: &Lexed<'_>, known: &Known<'_>) -> bool {
    (0..lexed.tokens.len()).any(|at| {
        if !matches!(lexed.tokens[at].kind, Token::Word | Token::Quoted) {
            return false;
        }
        let name = lexed.name(at);
        let name = name.as_ref();
        let called = lexed.is_symbol(at + 1, "(");
        SUSPICIOUS.contains(&name)
            || SYSTEM_COLUMNS.contains(&name)
            || (called && is_suspicious_function(name, known))
    })
}

fn is_suspicious_function(name: &str, known: &Known<'_>) -> bool {
    known.missing.contains(name)
        || LARGE_OBJECTS.contains(&name)
        || UNDOCUMENTED.contains(&name)
        || is_advisory(name)
        || name == "set_config"
        || known.routines("", name).any(|r| r.extension.is_some())
}

/// What some statements use; each use once.
pub(super) fn uses(statements: &[Parsed], from: From, known: &Known<'_>) -> Vec<Use> {
    let mut look = Look {
        known,
        from,
        local: local_names(statements),
        found: Vec::new(),
    };
    for statement in statements {
        tree::walk(&statement.node, &mut |seen| look.object(seen));
    }
    let mut all = HashSet::new();
    look.found
        .retain(|u| all.insert((u.kind.id, u.what.clone())));
    look.found
}

/// Names that the text itself makes: WITH queries and tables.
fn local_names(statements: &[Parsed]) -> HashSet<String> {
    let mut local = HashSet::new();
    for statement in statements {
        tree::walk(&statement.node, &mut |seen| {
            if seen.kind == "CommonTableExpr" {
                local.insert(tree::string(seen.fields, "ctename").to_owned());
            }
            if let Some(name) = made_table(seen) {
                local.insert(name.to_owned());
            }
        });
    }
    local
}

/// The name of a table that a statement makes.
pub(super) fn made_table(seen: Seen<'_>) -> Option<&str> {
    let relation = match seen.kind {
        "CreateStmt" | "ViewStmt" => seen.fields.get("relation").or(seen.fields.get("view")),
        "CreateTableAsStmt" => seen.fields.get("into")?.get("rel"),
        "into" | "into_clause" => seen.fields.get("rel"),
        _ => None,
    };
    Some(tree::string(relation?.as_object()?, "relname"))
}

struct Look<'k> {
    known: &'k Known<'k>,
    from: From,
    local: HashSet<String>,
    found: Vec<Use>,
}

impl Look<'_> {
    fn object(&mut self, seen: Seen<'_>) {
        let profile = self.known.profile;
        let fields = seen.fields;
        let at = tree::location(fields);
        if seen.is_call() {
            return self.call(fields);
        }
        if seen.is_relation() {
            return self.relation(fields);
        }
        match seen.kind {
            "ColumnRef" => self.column(fields),
            "RangeTableSample" => {
                self.unless(&profile.tablesample, &kinds::TABLESAMPLE, "TABLESAMPLE", at);
            }
            "NotifyStmt" => {
                self.unless(&profile.listen_notify, &kinds::LISTEN_NOTIFY, "NOTIFY", at)
            }
            "ListenStmt" | "UnlistenStmt" => {
                self.unless(&profile.listen_notify, &kinds::LISTEN_NOTIFY, "LISTEN", at);
            }
            "LockingClause" => self.locking(fields),
            "CollateClause" => self.collation(fields),
            "VariableSetStmt" => self.setting(fields),
            "TransactionStmt" => self.isolation(tree::list(fields, "options")),
            "TruncateStmt" => self.truncate(fields),
            "CopyStmt" => self.copy(fields),
            _ => self.statement(seen),
        }
    }

    fn note(&mut self, kind: &'static Kind, what: impl Into<String>, at: Option<usize>) {
        self.found.push(Use {
            kind,
            what: what.into(),
            at,
        });
    }

    /// Notes something unless the target is known to have it.
    fn unless(
        &mut self,
        has: &Option<Fact<bool>>,
        kind: &'static Kind,
        what: &str,
        at: Option<usize>,
    ) {
        if Profile::yes(has) != Some(true) {
            self.note(kind, what, at);
        }
    }

    fn call(&mut self, fields: &Fields) {
        let at = tree::location(fields);
        let parts = tree::strings(fields, "funcname");
        let Some((&name, schema)) = parts.split_last() else {
            return;
        };
        let schema = schema.last().copied().unwrap_or_default();
        let of_server = schema.is_empty() || schema == "pg_catalog";
        if of_server && self.server_function(name, fields, at) {
            return;
        }
        // Texts that were looked up name all but the server's functions with their schemas; in a body the
        // server's come first where arguments suit both (`max` of citext).
        if schema.is_empty() && (self.from == From::Checked || OVERLOADED.contains(&name)) {
            return;
        }
        let mut candidates = self.known.routines(schema, name).peekable();
        if candidates.peek().is_none() {
            let missing = self.from == From::Body && self.known.is_own_schema(schema);
            if missing {
                let what = format!("{schema}.{name}");
                self.note(&kinds::BROKEN_FUNCTION_CALL, what, at);
            }
            return;
        }
        let extensions: Vec<Option<&str>> = candidates.map(|r| r.extension.as_deref()).collect();
        let lost = |extension: &Option<&str>| {
            extension.is_some_and(|e| self.known.has_extension(e) == Some(false))
        };
        // gen_random_uuid is built in since PostgreSQL 13, and pgcrypto has its own.
        if extensions.iter().all(lost) && name != "gen_random_uuid" {
            let extension = extensions.first().copied().flatten().unwrap_or_default();
            let what = format!("{name} of {extension}");
            self.note(&kinds::EXTENSION_FUNCTION, what, at);
        }
    }

    /// A function of the server itself; whether something was said about it.
    fn server_function(&mut self, name: &str, fields: &Fields, at: Option<usize>) -> bool {
        let profile = self.known.profile;
        if self.known.missing.contains(name) {
            self.note(&kinds::MISSING_FUNCTION, name, at);
        } else if name == "pg_notify" || name == "pg_listening_channels" {
            self.unless(&profile.listen_notify, &kinds::LISTEN_NOTIFY, name, at);
        } else if is_advisory(name) {
            self.unless(
                &profile.advisory_locks_global,
                &kinds::ADVISORY_LOCK,
                name,
                at,
            );
        } else if LARGE_OBJECTS.contains(&name) {
            self.unless(
                &profile.large_objects,
                &kinds::LARGE_OBJECT_FUNCTION,
                name,
                at,
            );
        } else if name == "set_config" {
            self.set_config(fields, at);
        } else if UNDOCUMENTED.contains(&name) && !self.known.is_postgresql {
            self.note(&kinds::UNDOCUMENTED_FUNCTION, name, at);
        } else {
            return false;
        }
        true
    }

    fn set_config(&mut self, fields: &Fields, at: Option<usize>) {
        let first = tree::list(fields, "args").first();
        let setting = first.and_then(|a| tree::string_constant(tree::without_casts(a)));
        if setting.is_some_and(|(name, _)| name == "session_replication_role") {
            self.replication_role(at);
        }
    }

    fn replication_role(&mut self, at: Option<usize>) {
        if !self.known.is_postgresql {
            self.note(&kinds::REPLICATION_ROLE, "session_replication_role", at);
        }
    }

    fn column(&mut self, fields: &Fields) {
        let profile = self.known.profile;
        let at = tree::location(fields);
        let parts = tree::strings(fields, "fields");
        let name = parts.last().copied().unwrap_or_default();
        if SYSTEM_COLUMNS.contains(&name) {
            self.unless(&profile.system_columns, &kinds::SYSTEM_COLUMN, name, at);
        }
    }

    /// A relation without its children, or one that a body names and nobody made.
    fn relation(&mut self, fields: &Fields) {
        self.only(fields);
        if self.from == From::Checked {
            return;
        }
        let schema = tree::string(fields, "schemaname");
        let name = tree::string(fields, "relname");
        let elsewhere = if schema.is_empty() {
            self.local.contains(name) || name.starts_with("pg_")
        } else {
            !self.known.is_own_schema(schema)
        };
        if name.is_empty() || elsewhere || self.known.has_relation(schema, name) {
            return;
        }
        let dot = if schema.is_empty() { "" } else { "." };
        let at = tree::location(fields);
        self.note(&kinds::BROKEN_REFERENCE, format!("{schema}{dot}{name}"), at);
    }

    /// `ONLY t`, where the rows of its partitions or children become its own.
    fn only(&mut self, fields: &Fields) {
        let inherits = fields.get("inh").and_then(Value::as_bool) == Some(true);
        let name = Name::new(
            tree::string(fields, "schemaname"),
            tree::string(fields, "relname"),
        );
        if inherits || !self.known.is_flattened(&name) {
            return;
        }
        let at = tree::location(fields);
        self.note(&kinds::ONLY, format!("ONLY {}", readable(&name.name)), at);
    }

    fn locking(&mut self, fields: &Fields) {
        let profile = self.known.profile;
        // LockWaitPolicy: 2 is LockWaitSkip, one more in the parser's own numbers.
        if fields.get("wait_policy").and_then(Value::as_i64) == Some(2) {
            self.unless(
                &profile.skip_locked,
                &kinds::SKIP_LOCKED,
                "SKIP LOCKED",
                None,
            );
        }
    }

    fn collation(&mut self, fields: &Fields) {
        let profile = self.known.profile;
        let at = tree::location(fields);
        let parts = tree::strings(fields, "collname");
        let name = parts.last().copied().unwrap_or_default();
        let bytewise = matches!(name, "C" | "POSIX" | "ucs_basic");
        if !bytewise {
            self.unless(&profile.collations, &kinds::COLLATE_CLAUSE, name, at);
        }
    }

    fn setting(&mut self, fields: &Fields) {
        let at = tree::location(fields);
        let args = tree::list(fields, "args");
        match tree::string(fields, "name").to_ascii_lowercase().as_str() {
            "session_replication_role" => self.replication_role(at),
            "transaction" | "session characteristics" => self.isolation(args),
            "default_transaction_isolation" | "transaction_isolation" => {
                let value = args.first().and_then(tree::string_constant);
                self.isolation_level(value.map(|(text, _)| text), at);
            }
            _ => {}
        }
    }

    fn isolation(&mut self, options: &[Value]) {
        for option in options.iter().filter_map(|o| tree::node(o, "DefElem")) {
            if tree::string(option, "defname") == "transaction_isolation" {
                let value = option.get("arg").and_then(tree::string_constant);
                self.isolation_level(value.map(|(text, _)| text), tree::location(option));
            }
        }
    }

    fn isolation_level(&mut self, level: Option<&str>, at: Option<usize>) {
        let profile = self.known.profile;
        if level.is_some_and(|level| level.eq_ignore_ascii_case("serializable")) {
            self.unless(
                &profile.serializable,
                &kinds::SERIALIZABLE,
                "SERIALIZABLE",
                at,
            );
        }
    }

    fn truncate(&mut self, fields: &Fields) {
        let yes = |key: &str| fields.get(key).and_then(Value::as_bool) == Some(true);
        let several = tree::list(fields, "relations").len() > 1;
        // DropBehavior: 2 is CASCADE in the parser's own numbers.
        let cascade = fields.get("behavior").and_then(Value::as_i64) == Some(2);
        let what = if several {
            "TRUNCATE of several tables"
        } else if cascade {
            "TRUNCATE … CASCADE"
        } else if yes("restart_seqs") {
            "TRUNCATE … RESTART IDENTITY"
        } else {
            return;
        };
        if !self.known.is_postgresql {
            self.note(&kinds::TRUNCATE_FORM, what, None);
        }
    }

    fn copy(&mut self, fields: &Fields) {
        let file = !tree::string(fields, "filename").is_empty();
        let query = fields.get("query").is_some_and(|q| !q.is_null());
        if (file || query) && !self.known.is_postgresql {
            let what = if query {
                "COPY of a query"
            } else {
                "COPY with a file"
            };
            self.note(&kinds::COPY_IN_BODY, what, None);
        }
    }

    /// Statements that make something, and SQL that no document names.
    fn statement(&mut self, seen: Seen<'_>) {
        let at = tree::location(seen.fields);
        if let Some((what, has)) = refused_statement(seen, self.known.profile) {
            if has != Some(true) {
                self.note(&kinds::DDL_IN_BODY, what, at);
            }
        } else if let Some(what) = undocumented(seen)
            && !self.known.is_postgresql
            // A text that is no statement is read inside of one.
            && !(self.from == From::Checked && what == DDL)
        {
            self.note(&kinds::UNDOCUMENTED_SQL, what, at);
        }
    }
}

/// A statement of a feature that the target may not have, and whether it has it.
fn refused_statement(seen: Seen<'_>, profile: &Profile) -> Option<(&'static str, Option<bool>)> {
    let there = |key: &str| seen.fields.get(key).is_some_and(|v| !v.is_null());
    Some(match seen.kind {
        "CreateStmt" if there("partspec") || there("partbound") => {
            ("a partition", Profile::yes(&profile.partitioning))
        }
        "CreateStmt" if !tree::list(seen.fields, "inh_relations").is_empty() => {
            ("INHERITS", Profile::yes(&profile.inheritance))
        }
        "PartitionCmd" => ("a partition", Profile::yes(&profile.partitioning)),
        "RuleStmt" => ("a rule", Profile::yes(&profile.rules)),
        "CreatePolicyStmt" | "AlterPolicyStmt" => {
            ("a policy", Profile::yes(&profile.row_level_security))
        }
        "CreatePublicationStmt" | "AlterPublicationStmt" | "CreateSubscriptionStmt" => {
            ("a publication", Profile::yes(&profile.publications))
        }
        "CreateForeignTableStmt" | "CreateForeignServerStmt" | "ImportForeignSchemaStmt" => {
            ("a foreign table", Profile::yes(&profile.foreign_data))
        }
        "CreateTableSpaceStmt" => ("a tablespace", Profile::yes(&profile.tablespaces)),
        "CreateEventTrigStmt" => ("an event trigger", Profile::yes(&profile.event_triggers)),
        _ => return None,
    })
}

/// SQL that no document of DB9 names.
fn undocumented(seen: Seen<'_>) -> Option<&'static str> {
    let temporary = |key: &str| {
        let relation = seen.fields.get(key).and_then(Value::as_object);
        relation.is_some_and(|r| tree::string(r, "relpersistence") == "t")
    };
    Some(match seen.kind {
        "MergeStmt" => "MERGE",
        "GroupingSet" => "GROUPING SETS",
        "XmlExpr" | "XmlSerialize" | "RangeTableFunc" => "XML",
        "JsonTable" => "JSON_TABLE",
        "LockStmt" => "LOCK TABLE",
        "DoStmt" => "DO",
        "ConstraintsSetStmt" => "SET CONSTRAINTS",
        "CteSearchClause" | "search_clause" => "SEARCH",
        "CteCycleClause" | "cycle_clause" => "CYCLE",
        "RefreshMatViewStmt" => "REFRESH MATERIALIZED VIEW",
        "VacuumStmt" => "VACUUM or ANALYZE",
        "CreateStmt" if temporary("relation") => "a temporary table",
        "into" | "into_clause" if temporary("rel") => "a temporary table",
        "DropStmt" | "AlterTableStmt" | "CreateStmt" | "IndexStmt" | "CreateTableAsStmt" => DDL,
        _ => return None,
    })
}

fn is_advisory(name: &str) -> bool {
    name.starts_with("pg_advisory_") || name.starts_with("pg_try_advisory_")
}
