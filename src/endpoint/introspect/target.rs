//! The target: a server whose catalogs may lack tables, columns and functions.
//!
//! The tables and the names, types and NOT NULL of their columns must be there. Each further fact has
//! a statement of its own; one that the server refuses is noted as not known.

use super::answer::{Fields, Read, each};
use super::relations::Relations;
use super::source::{generated, known_rows, server_version};
use crate::catalog::{
    Catalog, Column, ForeignKey, Generated, Kind, Table, TableName, TypeForm, Types,
    is_system_schema,
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
    let foreign_keys = asking.foreign_keys().await?;
    let not_known = asking.not_known;
    let mut catalog = relations.finish(version);
    catalog.foreign_keys = foreign_keys;
    catalog.not_known = not_known;
    Ok(catalog)
}

struct Asking<'a> {
    connection: &'a mut Connection,
    not_known: Vec<String>,
}

/// What one column's row says, before its type is known.
struct RawColumn {
    table: u32,
    number: i16,
    name: String,
    type_oid: u32,
    not_null: bool,
}

/// What further statements say of a column.
#[derive(Default, Clone)]
struct More {
    typmod: Option<i32>,
    /// `None`: not told; the server shall judge a column that is not filled.
    has_default: Option<bool>,
    generated: Generated,
    identity: bool,
    sql: Option<String>,
}

type MoreByColumn = std::collections::HashMap<(u32, i16), More>;

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
        const SQL: &str = "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull \
             FROM pg_catalog.pg_attribute a \
             WHERE a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY a.attrelid, a.attnum";
        let mut columns = Vec::new();
        each(self.connection, "reading the target's columns", SQL, |f| {
            if relations.get_mut(f.number(0)?).is_some() {
                columns.push(read_column(&f)?);
            }
            Ok(())
        })
        .await?;
        let types = self.types().await?;
        let more = self.more().await?;
        for column in columns {
            let more = more.get(&(column.table, column.number)).cloned();
            let (table, column) = column.finish(more.unwrap_or_default(), &types);
            relations.push_column(table, column);
        }
        Ok(())
    }

    /// Types with their domains and arrays; only names where the server does not tell these.
    async fn types(&mut self) -> Result<Types> {
        const FULL: &str = "SELECT oid, typname, typtype, typbasetype, typtypmod, typcategory, \
             typelem FROM pg_catalog.pg_type";
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

    async fn more(&mut self) -> Result<MoreByColumn> {
        let mut more = MoreByColumn::new();
        self.optional(
            "modifiers of column types",
            &of_columns("a.atttypmod"),
            |f| {
                at(&mut more, &f)?.typmod = Some(f.number(2)?);
                Ok(())
            },
        )
        .await?;
        let sql = of_columns("pg_catalog.format_type(a.atttypid, a.atttypmod)");
        self.optional("types of columns as SQL writes them", &sql, |f| {
            at(&mut more, &f)?.sql = f.optional(2).map(str::to_owned);
            Ok(())
        })
        .await?;
        self.optional("defaults of columns", &of_columns("a.atthasdef"), |f| {
            at(&mut more, &f)?.has_default = Some(f.truth(2));
            Ok(())
        })
        .await?;
        self.optional("generated columns", &of_columns("a.attgenerated"), |f| {
            at(&mut more, &f)?.generated = generated(f.optional(2));
            Ok(())
        })
        .await?;
        self.optional("identity columns", &of_columns("a.attidentity"), |f| {
            at(&mut more, &f)?.identity = f.optional(2).is_some_and(|i| !i.is_empty());
            Ok(())
        })
        .await?;
        Ok(more)
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

    /// Asks what the server may refuse; answers whether it told. What it refuses is noted.
    async fn optional(
        &mut self,
        what: &str,
        sql: &str,
        read: impl FnMut(Fields<'_>) -> Read,
    ) -> Result<bool> {
        let doing = format!("reading of the target {what}");
        let within = self.connection.transaction_status() == TransactionStatus::InTransaction;
        if within {
            let savepoint = self.connection.query("SAVEPOINT wire9_introspect").await;
            savepoint.doing(&doing)?;
        }
        let answer = each(self.connection, &doing, sql, read).await;
        let told = match answer {
            Ok(()) => true,
            Err(error) if is_refusal(&error) => false,
            Err(error) => return Err(error),
        };
        if within {
            let end = if told {
                "RELEASE SAVEPOINT wire9_introspect"
            } else {
                "ROLLBACK TO SAVEPOINT wire9_introspect"
            };
            self.connection.query(end).await.doing(&doing)?;
        }
        if !told {
            self.not_known.push(what.to_owned());
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

/// One fact of each column.
fn of_columns(fact: &str) -> String {
    format!(
        "SELECT a.attrelid, a.attnum, {fact} FROM pg_catalog.pg_attribute a \
         WHERE a.attnum > 0 AND NOT a.attisdropped"
    )
}

fn at<'m>(more: &'m mut MoreByColumn, fields: &Fields<'_>) -> Read<&'m mut More> {
    Ok(more
        .entry((fields.number(0)?, fields.number(1)?))
        .or_default())
}

fn read_column(fields: &Fields<'_>) -> Read<RawColumn> {
    Ok(RawColumn {
        table: fields.number(0)?,
        number: fields.number(1)?,
        name: fields.text(2)?,
        type_oid: fields.number(3)?,
        not_null: fields.truth(4),
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

impl RawColumn {
    fn finish(self, more: More, types: &Types) -> (u32, Column) {
        let typmod = more.typmod.unwrap_or(-1);
        let mut data_type =
            types.resolve(self.type_oid, typmod, more.sql.clone().unwrap_or_default());
        if more.sql.is_none() {
            data_type.sql.clone_from(&data_type.base_name);
        }
        let column = Column {
            number: self.number,
            name: self.name,
            data_type,
            not_null: self.not_null,
            has_default: more.has_default.unwrap_or(true) || more.identity,
            generated: more.generated,
            identity: more.identity,
        };
        (self.table, column)
    }
}
