//! The state of the servers: how much room they have, what is going on there.
//!
//! Each fact has a statement of its own: one that a server refuses, or does not know, costs that fact
//! alone.

use super::answer::{Fields, Patience, Read, guarded};
use crate::catalog::TableName;
use crate::catalog::database::{ServerState, Slot, TargetState};
use crate::catalog::is_system_schema;
use crate::endpoint::attempt::{attempt, leave};
use crate::endpoint::error::Result;
use crate::wire::{Connection, TransactionStatus};

/// What the source does at the moment. What it refuses to tell is in `not_read`.
///
/// To be called outside a transaction: inside one, whether the session holds and whether snapshots can be
/// exported stay open.
///
/// # Errors
/// A connection that is lost; never a refusal.
pub async fn server_state(connection: &mut Connection) -> Result<ServerState> {
    let mut asking = Asking {
        connection,
        state: ServerState::default(),
    };
    asking.session().await?;
    asking.snapshots().await?;
    for fact in FACTS {
        asking.fact(fact).await?;
    }
    asking.activity().await?;
    Ok(asking.state)
}

/// Whether sessions last beyond a transaction, told from two connections to one server, both outside a
/// transaction: where the second one's transaction gets the backend that the first one had, they do not.
/// `server_state` has one connection only, and leaves this open behind a pooler. `None`: not told.
///
/// # Errors
/// A connection that is lost; never a refusal.
pub async fn session_holds(
    first: &mut Connection,
    second: &mut Connection,
) -> Result<Option<bool>> {
    let before = value(first, BACKEND).await?;
    let begun = attempt(second, "BEGIN", "beginning a transaction").await?;
    let meanwhile = value(second, BACKEND).await?;
    let after = value(first, BACKEND).await?;
    leave(second).await?;
    let told = begun.is_ok() && before.is_some() && after.is_some() && meanwhile.is_some();
    Ok(told.then(|| before == after && before != meanwhile))
}

/// What is in the target, and how much room it has.
///
/// # Errors
/// A connection that is lost; never a refusal.
pub async fn target_state(connection: &mut Connection) -> Result<TargetState> {
    let may_create = "SELECT pg_catalog.has_database_privilege(current_catalog, 'CREATE')";
    let may_create = value(connection, may_create).await?;
    Ok(TargetState {
        tables: tables(connection).await?,
        may_create: may_create.map(|text| text == "t"),
        connections_free: connections_free(connection).await?,
    })
}

/// One fact: what it is in words, how it is asked for, and where each row goes.
struct Fact {
    what: &'static str,
    sql: &'static str,
    keep: fn(&mut ServerState, &Fields<'_>) -> Read,
}

const FACTS: &[Fact] = &[
    Fact {
        what: "whether the server is a replica",
        sql: "SELECT pg_catalog.pg_is_in_recovery()",
        keep: |state, f| {
            state.in_recovery = f.truth(0);
            Ok(())
        },
    },
    Fact {
        what: "tables whose rows row-level security hides",
        sql: "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c \
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE c.relrowsecurity AND c.relkind IN ('r', 'p') \
                AND pg_catalog.row_security_active(c.oid) ORDER BY 1, 2",
        keep: |state, f| {
            let name: TableName = f.name(0)?;
            if !is_system_schema(&name.schema) {
                state.hidden_by_row_security.push(name);
            }
            Ok(())
        },
    },
    // `reserved_connections` is of PostgreSQL 16.
    Fact {
        what: "how many connections the server allows",
        sql: "SELECT pg_catalog.current_setting('max_connections')::int \
                     - pg_catalog.current_setting('superuser_reserved_connections')::int \
                     - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int",
        keep: |state, f| {
            state.connections_allowed = Some(f.number(0)?);
            Ok(())
        },
    },
    Fact {
        what: "how many connections there are",
        sql: "SELECT pg_catalog.sum(numbackends) FROM pg_catalog.pg_stat_database",
        keep: |state, f| {
            state.connections_used = Some(f.number(0)?);
            Ok(())
        },
    },
    // Limits do not bind a superuser; -1 is no limit.
    Fact {
        what: "the limits of connections of the role and of the database",
        sql: "SELECT l.lowest FROM pg_catalog.pg_roles r, pg_catalog.pg_database d, LATERAL ( \
                SELECT pg_catalog.min(v.n) FROM (VALUES (r.rolconnlimit), (d.datconnlimit)) v(n) \
                WHERE v.n >= 0) l(lowest) \
              WHERE r.rolname = session_user AND d.datname = pg_catalog.current_database() \
                AND NOT r.rolsuper AND l.lowest IS NOT NULL",
        keep: |state, f| {
            state.connection_limit = Some(f.number(0)?);
            Ok(())
        },
    },
    Fact {
        what: "advisory locks",
        sql: "SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l \
              JOIN pg_catalog.pg_database d ON d.oid = l.database \
              WHERE l.locktype = 'advisory' AND d.datname = pg_catalog.current_database() \
                AND l.pid <> pg_catalog.pg_backend_pid()",
        keep: |state, f| {
            state.advisory_locks = Some(f.number(0)?);
            Ok(())
        },
    },
    Fact {
        what: "prepared transactions",
        sql: "SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts \
              WHERE database = pg_catalog.current_database()",
        keep: |state, f| {
            state.prepared_transactions = Some(f.number(0)?);
            Ok(())
        },
    },
    Fact {
        what: "the age of the database's oldest transaction id",
        sql: "SELECT pg_catalog.age(datfrozenxid) FROM pg_catalog.pg_database \
              WHERE datname = pg_catalog.current_database()",
        keep: |state, f| {
            state.xid_age = Some(f.number(0)?);
            Ok(())
        },
    },
    // The first row, without a name, says that the others were told.
    Fact {
        what: "replication slots",
        sql: "SELECT NULL, NULL, NULL UNION ALL (SELECT slot_name, active, \
                greatest(coalesce(pg_catalog.pg_wal_lsn_diff( \
                  CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
                       ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn), 0), 0)::bigint \
              FROM pg_catalog.pg_replication_slots ORDER BY slot_name)",
        keep: |state, f| {
            let slots = state.replication_slots.get_or_insert_default();
            if let Some(name) = f.owned(0) {
                slots.push(Slot {
                    name,
                    active: f.truth(1),
                    held_bytes: f.number(2)?,
                });
            }
            Ok(())
        },
    },
    // `reset_val` is what a new session gets; wire9's own transactions change `setting`.
    Fact {
        what: "timeouts",
        sql: "SELECT name, reset_val FROM pg_catalog.pg_settings \
              WHERE name IN ('idle_in_transaction_session_timeout', 'statement_timeout', \
                             'transaction_timeout') AND unit = 'ms' ORDER BY name",
        keep: |state, f| {
            state.timeouts_ms.push((f.text(0)?, f.number(1)?));
            Ok(())
        },
    },
];

/// A reading of the source's state under way.
struct Asking<'a> {
    connection: &'a mut Connection,
    state: ServerState,
}

const BACKEND: &str = "SELECT pg_catalog.pg_backend_pid()";

/// How many transactions must reach the same backend: a pooler with one idle server hands it out again.
const TRANSACTIONS: usize = 3;

impl Asking<'_> {
    /// Whether a session lasts beyond a transaction. A pooler tells a process id of its own when the
    /// session starts: where it is the server's, there is none between.
    async fn session(&mut self) -> Result<()> {
        if self.connection.transaction_status() != TransactionStatus::Idle {
            return Ok(());
        }
        let promised = self.connection.backend_pid().map(|pid| pid.to_string());
        let mut seen = Vec::new();
        for _ in 0..TRANSACTIONS {
            seen.extend(value(self.connection, BACKEND).await?);
        }
        seen.dedup();
        self.state.session_holds = match seen.as_slice() {
            [pid] if promised.as_ref() == Some(pid) => Some(true),
            [_, _, ..] => Some(false),
            _ => {
                self.note("whether sessions last beyond a transaction: a pooler is between");
                None
            }
        };
        Ok(())
    }

    async fn snapshots(&mut self) -> Result<()> {
        if self.connection.transaction_status() != TransactionStatus::Idle {
            return Ok(());
        }
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                   SELECT pg_catalog.pg_export_snapshot(); ROLLBACK";
        let answer = attempt(self.connection, sql, "exporting a snapshot").await?;
        leave(self.connection).await?;
        self.state.exports_snapshots = Some(answer.is_ok());
        Ok(())
    }

    async fn fact(&mut self, fact: &Fact) -> Result<()> {
        let state = &mut self.state;
        let keep = |f: Fields<'_>| (fact.keep)(state, &f);
        if let Err(refusal) = guarded(
            self.connection,
            fact.what,
            fact.sql,
            Patience::default(),
            keep,
        )
        .await?
        {
            self.note(format!("{}: {refusal}", fact.what));
        }
        Ok(())
    }

    /// Who listens, and how long transactions last. Of other roles' sessions only pg_read_all_stats shows
    /// that.
    async fn activity(&mut self) -> Result<()> {
        const SQL: &str = "\
            SELECT pg_catalog.count(*) FILTER (WHERE query ILIKE 'listen%'), \
                   pg_catalog.count(*) FILTER (WHERE xact_start < now() - interval '5 minutes'), \
                   pg_catalog.max(extract(epoch FROM now() - xact_start)) \
                     FILTER (WHERE xact_start < now() - interval '5 minutes')::bigint, \
                   pg_catalog.count(*) FILTER (WHERE query = '<insufficient privilege>') \
            FROM pg_catalog.pg_stat_activity \
            WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()";
        let what = "sessions that listen and long transactions";
        let state = &mut self.state;
        let mut hidden = 0_u64;
        let answer = guarded(self.connection, what, SQL, Patience::default(), |f| {
            hidden = f.number(3)?;
            if hidden == 0 {
                state.listeners = Some(f.number(0)?);
                state.long_transactions = Some(f.number(1)?);
                state.longest_transaction_seconds = f.number(2).ok();
            }
            Ok(())
        });
        match answer.await? {
            Err(refusal) => self.note(format!("{what}: {refusal}")),
            Ok(()) if hidden > 0 => self.note(format!(
                "{what}: {hidden} sessions of other roles do not show it (pg_read_all_stats is needed)"
            )),
            Ok(()) => {}
        }
        Ok(())
    }

    fn note(&mut self, text: impl Into<String>) {
        self.state.not_read.push(text.into());
    }
}

/// User tables; from the information schema where pg_class is not told, 0 where neither is.
async fn tables(connection: &mut Connection) -> Result<u64> {
    const CATALOG: &str = "SELECT n.nspname FROM pg_catalog.pg_class c \
                           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                           WHERE c.relkind IN ('r', 'p')";
    const SCHEMA: &str = "SELECT table_schema FROM information_schema.tables \
                          WHERE table_type = 'BASE TABLE'";
    for sql in [CATALOG, SCHEMA] {
        let mut tables = 0;
        let answer = guarded(
            connection,
            "the target's tables",
            sql,
            Patience::default(),
            |f| {
                tables += u64::from(!is_system_schema(&f.text(0)?));
                Ok(())
            },
        );
        if answer.await?.is_ok() {
            return Ok(tables);
        }
    }
    Ok(0)
}

async fn connections_free(connection: &mut Connection) -> Result<Option<u32>> {
    let used = [
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity \
         WHERE backend_type = 'client backend' OR backend_type IS NULL",
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity",
    ];
    let allowed = number(connection, "SHOW max_connections").await?;
    let reserved = number(connection, "SHOW superuser_reserved_connections").await?;
    for sql in used {
        if let (Some(allowed), Some(used)) = (allowed, number(connection, sql).await?) {
            let taken = used.saturating_add(reserved.unwrap_or(0));
            return Ok(Some(allowed.saturating_sub(taken)));
        }
    }
    Ok(None)
}

async fn number(connection: &mut Connection, sql: &str) -> Result<Option<u32>> {
    let value = value(connection, sql).await?;
    Ok(value.and_then(|text| text.parse().ok()))
}

/// The first value of the first row; `None` where it is NULL or the statement is refused.
async fn value(connection: &mut Connection, sql: &str) -> Result<Option<String>> {
    let mut value = None;
    let answer = guarded(
        connection,
        "the server's state",
        sql,
        Patience::default(),
        |f| {
            value = value.take().or_else(|| f.owned(0));
            Ok(())
        },
    );
    Ok(answer.await?.ok().and(value))
}
