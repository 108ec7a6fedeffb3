//! The transactions of lanes: settings sent inside each (`SET LOCAL`), read back and proven.
//!
//! Nothing here relies on state of the session: a pooler may give each transaction another one.

use std::time::Duration;

use tokio::time::sleep;

use super::attempt::{Answer, attempt, last, leave};
use super::error::{Doing as _, Error, Result};
use super::settings::{self, Setting};
use super::snapshot::Snapshot;
use crate::catalog::TableName;
use crate::profile::Profile;
use crate::sql;
use crate::wire::{self, Connection, Reply, TransactionStatus};

pub use super::condition::check_condition;

/// How long a zombie may hold a target transaction open, in milliseconds: long enough for a stalled
/// network, short enough that its locks do not outlive a retry's patience.
const ZOMBIE_IDLE_MS: u64 = 120_000;

/// Waits between the tries of one setting, doubling from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_millis(400);

/// How a table is read in a source transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scan {
    /// The server's planner decides: whole tables and key ranges.
    #[default]
    Free,
    /// Only a Tid Scan or Tid Range Scan is allowed: ctid chunks.
    Ctid,
}

/// Settings of a source transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadSettings {
    /// `wire9/<run>/<lane>`
    pub application_name: String,
    /// The plan that readers rely on.
    pub scan: Scan,
}

/// Begins one READ ONLY transaction on the source under the shared snapshot: one round trip.
///
/// On return the settings have been read back, and the server has been proven to be the keeper's. On
/// an error the connection is outside a transaction, or unusable.
///
/// # Errors
/// `SnapshotLost`, `DifferentServer`, `Setting`, or the connection's error.
pub async fn begin_read(
    connection: &mut Connection,
    snapshot: &Snapshot,
    settings: &ReadSettings,
) -> Result<()> {
    let begun = try_begin_read(connection, snapshot, settings).await;
    if begun.is_err() {
        // The first error is the one to tell.
        let _ = leave(connection).await;
    }
    match begun {
        Err(error) if is_lost_snapshot(error.code()) => {
            Err(why_not_imported(connection, snapshot, error).await)
        }
        other => other,
    }
}

/// Inside a source transaction: takes ACCESS SHARE on a table (without its children), waits up to
/// 30 s for it, and proves that the table's file is the one that the snapshot shows. The transaction
/// survives a refusal.
///
/// The lock comes from a SELECT of no column and no row: LOCK TABLE asks for a privilege on the whole
/// table, a SELECT is content with one on any of its columns, and both hold to the end.
///
/// # Errors
/// `TableChanged` where it is not: rows would be missing without a word.
pub async fn lock_and_check(
    connection: &mut Connection,
    table: &TableName,
    oid: u32,
) -> Result<()> {
    let name = table.quoted();
    let sql = format!(
        "SAVEPOINT wire9_lock; SELECT FROM ONLY {name} WHERE false; \
         RELEASE SAVEPOINT wire9_lock; \
         SELECT pg_catalog.to_regclass({text})::oid::text, \
         coalesce(pg_catalog.pg_relation_filenode({oid}), 0)::text, \
         (SELECT relfilenode::text FROM pg_catalog.pg_class WHERE oid = {oid})",
        text = sql::literal(&name),
    );
    let doing = format!("locking table {table}");
    match attempt(connection, &sql, &doing).await? {
        Ok(replies) => same_file(last(&replies, "a table's file")?, table, oid),
        Err(refusal) => {
            let undo = "ROLLBACK TO SAVEPOINT wire9_lock; RELEASE SAVEPOINT wire9_lock";
            connection.query(undo).await.doing(&doing)?;
            Err(not_locked(table, doing, wire::Error::Server(refusal)))
        }
    }
}

/// Settings of a target transaction, and how they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSettings {
    settings: Vec<Setting>,
    refused: Vec<RefusedSetting>,
    multi_statement: bool,
}

/// A setting that the target does not take: a finding. It is not sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSetting {
    /// The setting.
    pub name: String,
    /// What was asked for.
    pub wanted: String,
    /// The server's refusal, or what held instead.
    pub answer: String,
}

impl WriteSettings {
    /// What design and profile ask of a target transaction; `search_path` is empty unless
    /// [`Self::search_path`] says otherwise.
    pub fn new(application_name: &str, profile: &Profile) -> Self {
        let server = profile
            .idle_in_transaction_timeout_ms
            .as_ref()
            .map_or(0, |fact| fact.value);
        let idle_ms = match server {
            0 => ZOMBIE_IDLE_MS,
            limit => limit.min(ZOMBIE_IDLE_MS),
        };
        Self {
            settings: settings::target(application_name, idle_ms),
            refused: Vec::new(),
            multi_statement: Profile::yes(&profile.multi_statement) == Some(true),
        }
    }

    /// `--target-search-path`, as SQL spells it: `public, "My Schema"`.
    ///
    /// # Errors
    /// `Refused` where it is no list of names.
    pub fn search_path(&mut self, path: &str) -> Result<()> {
        let quoted = settings::quoted_names(path)?;
        self.change("search_path", quoted);
        Ok(())
    }

    /// Another `application_name`: `wire9/<run>/<lane>`.
    pub fn application_name(&mut self, name: &str) {
        self.change("application_name", name.to_owned());
    }

    /// What the target has refused so far.
    pub fn refused(&self) -> &[RefusedSetting] {
        &self.refused
    }

    fn change(&mut self, name: &str, value: String) {
        if let Some(setting) = self.settings.iter_mut().find(|s| s.name == name) {
            setting.value = value;
        }
    }

    /// Takes a setting out, and says why.
    fn refuse(&mut self, setting: &Setting, answer: String) {
        self.settings.retain(|s| s.name != setting.name);
        self.refused.push(RefusedSetting {
            name: setting.name.to_owned(),
            wanted: setting.value.clone(),
            answer,
        });
    }
}

/// Once per connection to the target, outside a transaction: tries the settings, reads them back, and
/// takes out of `settings` what the target refuses. Answers what was newly refused.
///
/// # Errors
/// The connection's loss, a server that refuses the transaction itself, a client encoding that is not
/// UTF-8.
pub async fn prepare_write(
    connection: &mut Connection,
    settings: &mut WriteSettings,
) -> Result<Vec<RefusedSetting>> {
    let known = settings.refused.len();
    if let Err(error) = begin_write(connection, settings).await {
        if error.code().is_none() || !connection.is_usable() {
            return Err(error);
        }
        try_each(connection, settings).await?;
        begin_write(connection, settings).await?;
    }
    leave(connection).await?;
    read_back(connection, settings).await?;
    speaks_utf8(connection, settings)?;
    Ok(settings.refused[known..].to_vec())
}

/// Begins one READ COMMITTED transaction on the target with the settings: one round trip where the
/// target takes several statements in one Query.
///
/// On an error the connection is outside a transaction, or unusable.
pub async fn begin_write(connection: &mut Connection, settings: &WriteSettings) -> Result<()> {
    let begun = try_begin_write(connection, settings).await;
    if begun.is_err() {
        // The first error is the one to tell.
        let _ = leave(connection).await;
    }
    begun
}

/// Ends a transaction without effect, whatever its state; does nothing outside one or on a connection
/// that can not be used any more.
///
/// # Errors
/// The connection's loss.
pub async fn rollback(connection: &mut Connection) -> Result<()> {
    leave(connection).await
}

/// Makes the settings those of the session, as far as the server takes them: for a statement that can not
/// run inside a transaction.
///
/// # Errors
/// The connection's loss.
pub async fn settle(connection: &mut Connection, settings: &WriteSettings) -> Result<()> {
    for setting in &settings.settings {
        let statement = setting.statement().replacen("SET LOCAL", "SET", 1);
        // A refusal is known since `prepare_write`, or makes the statement fail by itself.
        let _ = attempt(connection, &statement, "setting up a session").await?;
    }
    Ok(())
}

/// What every source transaction must show: the last statement of its beginning.
pub(super) fn proof(settings: &[Setting], snapshot: Option<&Snapshot>, extra: &str) -> String {
    let identified = snapshot.is_some_and(|s| s.identity.system_identifier.is_some());
    let system = if identified {
        "(SELECT system_identifier::text FROM pg_catalog.pg_control_system())"
    } else {
        "NULL"
    };
    let shown: String = settings
        .iter()
        .map(|s| format!(", current_setting({})", sql::literal(s.name)))
        .collect();
    format!(
        "SELECT pg_current_snapshot()::text, pg_is_in_recovery()::text, \
         pg_postmaster_start_time()::text, {system}{extra}{shown}"
    )
}

/// Every setting must hold; `first` is the column of the first one.
pub(super) fn holds(settings: &[Setting], reply: &Reply, first: usize) -> Result<()> {
    for (i, setting) in settings.iter().enumerate() {
        let found = reply.value(first + i).unwrap_or_default();
        if !setting.agrees(found) {
            return Err(Error::Setting {
                name: setting.name.to_owned(),
                wanted: setting.value.clone(),
                found: found.to_owned(),
            });
        }
    }
    Ok(())
}

/// `SET LOCAL …; SET LOCAL …`
pub(super) fn statements(settings: &[Setting]) -> String {
    let all: Vec<String> = settings.iter().map(Setting::statement).collect();
    all.join("; ")
}

/// Columns of [`proof`] before the settings.
pub(super) const PROOF_COLUMNS: usize = 4;

async fn try_begin_read(
    connection: &mut Connection,
    snapshot: &Snapshot,
    settings: &ReadSettings,
) -> Result<()> {
    let version = snapshot.identity.server_version_num;
    let mut all = settings::source(&settings.application_name, version);
    if settings.scan == Scan::Ctid {
        all.extend(settings::only_tid_scans());
    }
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT {}; {}; {}",
        sql::literal(&snapshot.name),
        statements(&all),
        proof(&all, Some(snapshot), ""),
    );
    let doing = "beginning a transaction under the source's snapshot";
    let replies = connection.query_all(&sql).await.doing(doing)?;
    let reply = last(&replies, "the proof of the snapshot")?;
    same_as_keeper(&Answer::new(reply, "the proof of the snapshot"), snapshot)?;
    holds(&all, reply, PROOF_COLUMNS)?;
    inside(connection, doing)
}

/// Each fact that tells the keeper's server from another one.
fn same_as_keeper(answer: &Answer<'_>, snapshot: &Snapshot) -> Result<()> {
    // A bigint on the server, whatever its sign.
    let system = snapshot.identity.system_identifier;
    let system = system.map(|n| n.cast_signed().to_string());
    let recovery = snapshot.identity.in_recovery.to_string();
    let facts = [
        ("system identifier", 3, system.as_deref()),
        ("pg_is_in_recovery", 1, Some(recovery.as_str())),
        ("server start", 2, Some(snapshot.server_started.as_str())),
        ("snapshot", 0, Some(snapshot.text.as_str())),
    ];
    for (what, column, keeper) in facts {
        let here = answer.text(column);
        if here != keeper {
            let show = |v: Option<&str>| v.unwrap_or("nothing").to_owned();
            return Err(Error::DifferentServer {
                what: format!("{what}: {} there, {} here", show(keeper), show(here)),
            });
        }
    }
    Ok(())
}

/// `SET TRANSACTION SNAPSHOT`: 22023 no such snapshot (42704 since 17), 55000 its owner is gone.
fn is_lost_snapshot(code: Option<&str>) -> bool {
    matches!(code, Some("22023" | "42704" | "55000"))
}

/// A snapshot can not be imported: because it is gone, or because this is another server.
async fn why_not_imported(connection: &mut Connection, snapshot: &Snapshot, error: Error) -> Error {
    let sql = "BEGIN READ ONLY; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; \
               SELECT pg_postmaster_start_time()::text; ROLLBACK";
    let started = match connection.query_all(sql).await {
        Ok(replies) => replies.iter().find_map(|r| r.value(0).map(str::to_owned)),
        Err(_) => return error,
    };
    match started {
        Some(started) if started != snapshot.server_started => Error::DifferentServer {
            what: format!(
                "server start: {} there, {started} here",
                snapshot.server_started
            ),
        },
        _ => Error::SnapshotLost {
            why: format!(
                "the server does not know it any more ({})",
                error.code().unwrap_or_default()
            ),
        },
    }
}

/// The table under its name is the one of the snapshot, and so is its file.
fn same_file(reply: &Reply, table: &TableName, oid: u32) -> Result<()> {
    let answer = Answer::new(reply, "a table's file");
    let changed = |what| {
        Err(Error::TableChanged {
            table: table.clone(),
            what,
        })
    };
    if answer.number::<u32>(0)? != Some(oid) {
        return changed("was replaced by another one");
    }
    if answer.number::<u32>(1)? != answer.number::<u32>(2)? {
        return changed("was rewritten or truncated");
    }
    Ok(())
}

fn not_locked(table: &TableName, doing: String, source: wire::Error) -> Error {
    match source.code() {
        Some("42P01" | "3F000") => Error::TableChanged {
            table: table.clone(),
            what: "was dropped or renamed",
        },
        Some("55P03") => Error::Refused {
            what: format!("table {table} has been locked by another session for 30 s"),
            remedy: "end that session, or run again when it has finished".to_owned(),
        },
        _ => Error::Wire { doing, source },
    }
}

async fn try_begin_write(connection: &mut Connection, settings: &WriteSettings) -> Result<()> {
    let doing = "beginning a transaction on the target";
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
    if settings.multi_statement {
        let sql = format!("{begin}; {}", statements(&settings.settings));
        connection.query_all(&sql).await.doing(doing)?;
    } else {
        connection.query(begin).await.doing(doing)?;
        for setting in &settings.settings {
            let doing = format!("{doing}: setting {}", setting.name);
            connection.query(&setting.statement()).await.doing(doing)?;
        }
    }
    inside(connection, doing)
}

/// A server, or a pooler in statement mode, can answer BEGIN without beginning anything.
fn inside(connection: &Connection, doing: &str) -> Result<()> {
    match connection.transaction_status() {
        TransactionStatus::InTransaction => Ok(()),
        status => Err(Error::Unexpected {
            what: format!("{doing}: the connection's transaction status is {status:?}"),
        }),
    }
}

/// A refused client encoding is no harm where the server speaks UTF-8 anyway; else every text would be
/// another one.
fn speaks_utf8(connection: &Connection, settings: &WriteSettings) -> Result<()> {
    let utf8 = Setting::new("client_encoding", "UTF8");
    let refused = settings.refused.iter().any(|r| r.name == utf8.name);
    match connection.parameter(utf8.name) {
        Some(found) if refused && !utf8.agrees(found) => Err(Error::Setting {
            name: utf8.name.to_owned(),
            wanted: utf8.value,
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Finds the settings that are refused, each in a transaction of its own.
async fn try_each(connection: &mut Connection, settings: &mut WriteSettings) -> Result<()> {
    for setting in settings.settings.clone() {
        let Some(refusal) = refusal(connection, &setting).await? else {
            continue;
        };
        // Some servers know extra_float_digits up to the value that gives the shortest exact text.
        let fewer = Setting::new("extra_float_digits", "1");
        if setting.name == fewer.name && refusal_free(connection, &fewer).await? {
            settings.change(fewer.name, fewer.value);
        } else {
            settings.refuse(&setting, refusal);
        }
    }
    Ok(())
}

async fn refusal_free(connection: &mut Connection, setting: &Setting) -> Result<bool> {
    Ok(refusal(connection, setting).await?.is_none())
}

/// The server's refusal of one setting, in words without values. What says nothing of the setting (a
/// conflict, a server that is busy) is tried again, and is no refusal in the end either.
async fn refusal(connection: &mut Connection, setting: &Setting) -> Result<Option<String>> {
    let doing = "trying the settings of the target";
    let mut wait = FIRST_WAIT;
    loop {
        connection.query("BEGIN").await.doing(doing)?;
        let tried = attempt(connection, &setting.statement(), doing).await?;
        leave(connection).await?;
        let Err(error) = tried else {
            return Ok(None);
        };
        let last = wait > LAST_WAIT;
        // An engine that knows no better code says the same each time.
        if is_of_the_setting(&error.code) || (last && error.code == "XX000") {
            return Ok(Some(error.to_string()));
        }
        if last {
            return Err(wire::Error::Server(error)).doing(doing);
        }
        sleep(wait).await;
        wait *= 2;
    }
}

/// Whether an error means the setting itself: not known, no such value, not allowed, not supported.
fn is_of_the_setting(code: &str) -> bool {
    ["42", "22", "0A"]
        .iter()
        .any(|class| code.starts_with(class))
        || code == "55P02"
}

/// Reads all settings back inside a transaction of its own; what does not hold is refused.
async fn read_back(connection: &mut Connection, settings: &mut WriteSettings) -> Result<()> {
    for setting in shown(connection, settings).await? {
        let (setting, found) = setting;
        if !setting.agrees(&found) {
            settings.refuse(&setting, format!("{found} holds instead"));
        }
    }
    Ok(())
}

/// The settings as the target shows them inside a transaction: in one question where it knows
/// `current_setting`, else one by one; what can not be shown is left out.
async fn shown(
    connection: &mut Connection,
    settings: &WriteSettings,
) -> Result<Vec<(Setting, String)>> {
    let doing = "reading the settings of the target back";
    let all = &settings.settings;
    let questions: Vec<String> = all
        .iter()
        .map(|s| format!("current_setting({})", sql::literal(s.name)))
        .collect();
    begin_write(connection, settings).await?;
    let together = attempt(
        connection,
        &format!("SELECT {}", questions.join(", ")),
        doing,
    )
    .await?;
    leave(connection).await?;
    if let Ok(replies) = together {
        let reply = last(&replies, doing)?;
        let values = (0..all.len()).map(|i| reply.value(i).unwrap_or_default().to_owned());
        return Ok(all.iter().cloned().zip(values).collect());
    }
    let mut found = Vec::new();
    for setting in all {
        begin_write(connection, settings).await?;
        let one = attempt(connection, &format!("SHOW {}", setting.name), doing).await?;
        leave(connection).await?;
        if let Ok(replies) = one {
            let value = last(&replies, "SHOW")?.value(0).unwrap_or_default();
            found.push((setting.clone(), value.to_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Fact;
    use crate::wire::{ConnectOptions, Endpoint, Environment};

    async fn connect() -> Connection {
        let uri = testenv::Cluster::shared().uri("postgres");
        let options = ConnectOptions::parse(&uri, Endpoint::Postgres, &Environment::default());
        let mut options = options.expect("a URI");
        options.set_application_name("wire9/test");
        Connection::connect(&options).await.expect("connects")
    }

    fn with_a_setting_that_no_server_knows(multi_statement: bool) -> WriteSettings {
        let mut profile = Profile::postgresql();
        profile.multi_statement = Some(Fact::probed(multi_statement));
        let mut settings = WriteSettings::new("wire9/test", &profile);
        settings
            .settings
            .insert(3, Setting::new("wire9_unknown", "1"));
        settings
    }

    #[tokio::test]
    async fn a_refused_setting_is_a_finding_and_is_not_sent_again() {
        for multi_statement in [true, false] {
            let mut settings = with_a_setting_that_no_server_knows(multi_statement);
            let mut connection = connect().await;
            let refused = prepare_write(&mut connection, &mut settings).await;
            let refused = refused.expect("prepared");
            assert_eq!(refused.len(), 1);
            assert_eq!(refused[0].name, "wire9_unknown");
            assert!(refused[0].answer.contains("42704"), "{}", refused[0].answer);
            begin_write(&mut connection, &settings)
                .await
                .expect("begun");
            rollback(&mut connection).await.expect("rolled back");
            let again = prepare_write(&mut connect().await, &mut settings).await;
            assert_eq!(again.expect("prepared"), [], "known already");
            assert_eq!(settings.refused().len(), 1);
        }
    }

    #[tokio::test]
    async fn an_error_among_the_settings_leaves_no_transaction_open() {
        for multi_statement in [true, false] {
            let settings = with_a_setting_that_no_server_knows(multi_statement);
            let mut connection = connect().await;
            let error = begin_write(&mut connection, &settings).await;
            assert_eq!(error.expect_err("refused").code(), Some("42704"));
            assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        }
    }
}
