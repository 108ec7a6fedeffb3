//! The target: a server whose catalogs may lack tables, columns and functions.
//!
//! The tables and the names, types and NOT NULL of their columns must be there. Each further fact has
//! a statement of its own; one that the server refuses is noted as not known.

use std::collections::BTreeMap;

use super::answer::{Fields, Read, each};
use super::columns::{self, RawColumn, generated, identity};
use super::relations::Relations;
use super::source::{known_rows, server_version};
use crate::catalog::{
    Catalog, ForeignKey, InsertPrivilege, Kind, Table, TableName, TypeForm, Types, is_system_schema,
};
use crate::endpoint::error::{Doing as _, Error, Result};
use crate::wire::{self, Connection, TransactionStatus};

/// Reads the tables of the target as far as it tells.
///
/// Inside a transaction each optional statement has a savepoint; outside one none is needed.
///
/// # Errors
/// Where not even tables and columns can be read.
pub async fn target(connection: &mut Connection) -> Result<Catalog> {
    let version = server_version(connection.parameter("server_version"));
    let mut asking = Asking {
        connection,
        not_known: Vec::new(),
    };
    let mut relations = asking.tables().await?;
    asking.columns(&mut relations).await?;
    asking.estimates(&mut relations).await?;
    asking.partitions(&mut relations).await?;
    asking.triggers(&mut relations).await?;
    asking.privileges(&mut relations).await?;
    let foreign_keys = asking.foreign_keys().await?;
    let user = asking.user().await?;
    let not_known = asking.not_known;
    let mut catalog = relations.finish(version);
    catalog.foreign_keys = foreign_keys;
    catalog.user = user;
    catalog.not_known = not_known;
    Ok(catalog)
}

struct Asking<'a> {
    connection: &'a mut Connection,
    not_known: Vec<String>,
}

/// Columns by table and number, in this order.
type Columns = BTreeMap<(u32, i16), RawColumn>;

impl Asking<'_> {
    async fn tables(&mut self) -> Result<Relations> {
        const SQL: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind \
             FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             ORDER BY n.nspname, c.relname";
        let mut relations = Relations::default();
        each(self.connection, "reading the target's tables", SQL, |f| {
            let name = TableName::new(f.text(1)?, f.text(2)?);
            let kind = f.optional(3).and_then(Kind::from_relkind);
            if let Some(kind) = kind.filter(|_| !is_system_schema(&name.schema)) {
                relations.push(Table::new(f.number(0)?, name, kind));
            }
            Ok(())
        })
        .await?;
        Ok(relations)
    }

    async fn columns(&mut self, relations: &mut Relations) -> Result<()> {
        let mut columns = Columns::new();
        each(
            self.connection,
            "reading the target's columns",
            &of_columns("a.attname, a.atttypid, a.attnotnull"),
            |f| {
                let column = read_column(&f)?;
                if relations.get_mut(column.table).is_some() {
                    columns.insert((column.table, column.number), column);
                }
                Ok(())
            },
        )
        .await?;
        self.all_facts(&mut columns).await?;
        let types = self.types().await?;
        columns::finish(columns.into_values().collect(), &types, relations);
        Ok(())
    }

    /// All further facts of columns in one statement, or, where it is refused, each in its own.
    async fn all_facts(&mut self, columns: &mut Columns) -> Result<()> {
        let facts = FACTS.map(|(_, sql, _)| sql).join(", ");
        let read = |f: Fields<'_>| {
            for (number, (_, _, keep)) in FACTS.iter().enumerate() {
                keep_fact(columns, &f, number + 2, *keep)?;
            }
            Ok(())
        };
        if self.ask(&of_columns(&facts), read).await? {
            return Ok(());
        }
        for (what, sql, keep) in FACTS {
            let read = |f: Fields<'_>| keep_fact(columns, &f, 2, keep);
            self.optional(what, &of_columns(sql), read).await?;
        }
        Ok(())
    }

    /// Types with their domains and arrays; only names where the server does not tell these.
    async fn types(&mut self) -> Result<Types> {
        // The row types of tables are as many as the tables.
        const FULL: &str = "SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typtypmod, \
             t.typcategory, t.typelem FROM pg_catalog.pg_type t \
             LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid \
             WHERE c.relkind IS NULL OR c.relkind = 'c'";
        const NAMES: &str = "SELECT oid, typname FROM pg_catalog.pg_type";
        let mut types = Types::default();
        let full = self
            .optional("which types are domains and arrays", FULL, |f| {
                types.insert(f.number(0)?, f.text(1)?, type_form(&f)?);
                Ok(())
            })
            .await?;
        if !full {
            self.optional("the names of types", NAMES, |f| {
                types.insert(f.number(0)?, f.text(1)?, TypeForm::Scalar);
                Ok(())
            })
            .await?;
        }
        Ok(types)
    }

    async fn estimates(&mut self, relations: &mut Relations) -> Result<()> {
        const SQL: &str = "SELECT c.oid, c.reltuples FROM pg_catalog.pg_class c";
        self.optional("estimates of rows", SQL, |f| {
            if let Some(table) = relations.get_mut(f.number(0)?) {
                table.rows = f.number(1).ok().and_then(known_rows);
            }
            Ok(())
        })
        .await?;
        Ok(())
    }

    async fn partitions(&mut self, relations: &mut Relations) -> Result<()> {
        const SQL: &str = "SELECT i.inhrelid, i.inhparent, c.relispartition \
             FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
             ORDER BY i.inhrelid, i.inhseqno";
        self.optional("partitions and inheritance", SQL, |f| {
            let child = f.number(0)?;
            relations.push_parent(child, f.number(1)?);
            if f.truth(2) {
                relations.push_partition(child);
            }
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Enabled triggers of users; the server's own (of foreign keys) are internal.
    async fn triggers(&mut self, relations: &mut Relations) -> Result<()> {
        const FULL: &str = "SELECT t.tgrelid, t.tgname FROM pg_catalog.pg_trigger t \
             WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY t.tgrelid, t.tgname";
        const ALL: &str = "SELECT t.tgrelid, t.tgname FROM pg_catalog.pg_trigger t \
             ORDER BY t.tgrelid, t.tgname";
        let mut read = |f: Fields<'_>| {
            if let Some(table) = relations.get_mut(f.number(0)?) {
                table.triggers.push(f.text(1)?);
            }
            Ok(())
        };
        let full = self
            .optional("which triggers are enabled", FULL, &mut read)
            .await?;
        if !full {
            self.optional("triggers", ALL, &mut read).await?;
        }
        Ok(())
    }

    async fn foreign_keys(&mut self) -> Result<Vec<ForeignKey>> {
        const SQL: &str = "SELECT k.conname, k.conrelid, k.confrelid \
             FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' ORDER BY k.conrelid, k.conname";
        let mut keys = Vec::new();
        self.optional("foreign keys", SQL, |f| {
            keys.push(ForeignKey {
                name: f.text(0)?,
                child: f.number(1)?,
                parent: f.number(2)?,
            });
            Ok(())
        })
        .await?;
        Ok(keys)
    }

    /// Tables that the user may not fill, or not as a whole. NULL is a table that was just dropped.
    async fn privileges(&mut self, relations: &mut Relations) -> Result<()> {
        const TABLES: &str = "SELECT c.oid, \
             NOT pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE'), \
             NOT pg_catalog.has_table_privilege(c.oid, 'INSERT') \
             FROM pg_catalog.pg_class c WHERE c.relkind = 'r' \
             AND NOT (pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') \
             AND pg_catalog.has_table_privilege(c.oid, 'INSERT'))";
        let mut lacking = Vec::new();
        self.optional("which tables the user may fill", TABLES, |f| {
            let oid = f.number(0)?;
            if let Some(table) = relations.get_mut(oid) {
                table.schema_closed = f.truth(1);
                if f.truth(2) {
                    lacking.push(oid);
                }
            }
            Ok(())
        })
        .await?;
        if lacking.is_empty() {
            return Ok(());
        }
        self.column_privileges(relations, &lacking).await
    }

    /// The columns that the user may fill of tables that he may not fill as a whole.
    async fn column_privileges(
        &mut self,
        relations: &mut Relations,
        lacking: &[u32],
    ) -> Result<()> {
        const SQL: &str = "SELECT a.attrelid, a.attname FROM pg_catalog.pg_attribute a \
             JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' \
             AND a.attnum > 0 AND NOT a.attisdropped \
             AND NOT pg_catalog.has_table_privilege(c.oid, 'INSERT') \
             AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT')";
        let mut granted: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let told = self
            .optional("which columns the user may fill", SQL, |f| {
                granted.entry(f.number(0)?).or_default().push(f.text(1)?);
                Ok(())
            })
            .await?;
        for oid in lacking.iter().filter(|_| told) {
            if let Some(table) = relations.get_mut(*oid) {
                table.insert = InsertPrivilege::Columns(granted.remove(oid).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// The role that the session has, for the text of a GRANT.
    async fn user(&mut self) -> Result<Option<String>> {
        let mut user = None;
        let read = |f: Fields<'_>| {
            user = f.optional(0).map(str::to_owned);
            Ok(())
        };
        self.ask("SELECT current_user", read).await?;
        Ok(user)
    }

    /// Asks what the server may refuse; answers whether it told. What it refuses is noted.
    async fn optional(
        &mut self,
        what: &str,
        sql: &str,
        read: impl FnMut(Fields<'_>) -> Read,
    ) -> Result<bool> {
        let told = self.ask(sql, read).await?;
        if !told {
            self.not_known.push(what.to_owned());
        }
        Ok(told)
    }

    /// Runs a statement; answers false where the server refuses it. A transaction survives.
    async fn ask(&mut self, sql: &str, read: impl FnMut(Fields<'_>) -> Read) -> Result<bool> {
        const DOING: &str = "reading the target's catalogs";
        let within = self.connection.transaction_status() == TransactionStatus::InTransaction;
        if within {
            let savepoint = self.connection.query("SAVEPOINT wire9_introspect").await;
            savepoint.doing(DOING)?;
        }
        let told = match each(self.connection, DOING, sql, read).await {
            Ok(()) => true,
            Err(error) if is_refusal(&error) => false,
            Err(error) => return Err(error),
        };
        if within {
            let end = if told {
                "RELEASE SAVEPOINT wire9_introspect"
            } else {
                "ROLLBACK TO SAVEPOINT wire9_introspect; RELEASE SAVEPOINT wire9_introspect"
            };
            self.connection.query(end).await.doing(DOING)?;
        }
        Ok(told)
    }
}

/// No such column, table, function or type; not supported; no privilege; no such form.
fn is_refusal(error: &Error) -> bool {
    let code = error.wire().and_then(wire::Error::code);
    matches!(
        code,
        Some("42703" | "42P01" | "42883" | "42704" | "0A000" | "42501" | "42601" | "XX000")
    )
}

/// One row per column of a table: attrelid, attnum, and more.
fn of_columns(more: &str) -> String {
    format!(
        "SELECT a.attrelid, a.attnum, {more} FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped"
    )
}

/// Puts the text of a fact into a column.
type Keep = fn(&mut RawColumn, Option<&str>);

/// What a target may tell of columns: in words, in SQL, and where it goes.
const FACTS: [(&str, &str, Keep); 5] = [
    (
        "modifiers of column types",
        "a.atttypmod",
        |column, text| {
            column.typmod = text.and_then(|t| t.parse().ok());
        },
    ),
    (
        "types of columns as SQL writes them",
        "pg_catalog.format_type(a.atttypid, a.atttypmod)",
        |column, text| column.sql = text.map(str::to_owned),
    ),
    ("defaults of columns", "a.atthasdef", |column, text| {
        column.has_default = text.map(|t| t == "t");
    }),
    ("generated columns", "a.attgenerated", |column, text| {
        column.generated = generated(text);
    }),
    ("identity columns", "a.attidentity", |column, text| {
        column.identity = identity(text);
    }),
];

fn keep_fact(columns: &mut Columns, fields: &Fields<'_>, at: usize, keep: Keep) -> Read {
    if let Some(column) = columns.get_mut(&(fields.number(0)?, fields.number(1)?)) {
        keep(column, fields.optional(at));
    }
    Ok(())
}

fn read_column(fields: &Fields<'_>) -> Read<RawColumn> {
    Ok(RawColumn {
        table: fields.number(0)?,
        number: fields.number(1)?,
        name: fields.text(2)?,
        type_oid: fields.number(3)?,
        not_null: fields.truth(4),
        ..RawColumn::default()
    })
}

/// What is inside composites and ranges does not matter on the target.
fn type_form(fields: &Fields<'_>) -> Read<TypeForm> {
    Ok(match (fields.optional(2), fields.optional(5)) {
        (Some("d"), _) => TypeForm::Domain {
            base: fields.number(3)?,
            typmod: fields.number(4)?,
        },
        (_, Some("A")) => TypeForm::Array {
            element: fields.number(6)?,
        },
        (Some("c"), _) => TypeForm::Composite { fields: Vec::new() },
        (Some("r" | "m"), _) => TypeForm::Range { bound: 0 },
        _ => TypeForm::Scalar,
    })
}
