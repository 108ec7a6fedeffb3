//! Which server, which database: what tells one source from another.

use serde::{Deserialize, Serialize};

use super::attempt::{Answer, attempt, last};
use super::error::{Doing as _, Result};
use crate::profile::ServerKind;
use crate::wire::{self, Connection, Reply};

/// Who answers on a connection. It is stored with a run, to know the source again on resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `pg_control_system()`; `None` where the server refuses or does not know it.
    pub system_identifier: Option<u64>,
    /// `pg_control_checkpoint()`; `None` where the server refuses or does not know it.
    pub timeline: Option<u32>,
    /// Host as the options spell it.
    pub host: String,
    /// Port as the options spell it.
    pub port: u16,
    /// The database's name.
    pub database: String,
    /// The database's oid; `None` where the catalog does not tell it.
    pub database_oid: Option<u32>,
    /// `server_version_num`, 150004; `None` where it is not a number.
    pub server_version_num: Option<u32>,
    /// `version()`.
    pub version: String,
    /// Whether the server is a standby; `false` where it does not know the function.
    pub in_recovery: bool,
}

impl Identity {
    /// Whether the server calls itself a DB9.
    pub fn is_db9(&self) -> bool {
        ServerKind::of_version(&self.version) == ServerKind::Db9
    }
}

/// Asks the server on a connection who it is.
///
/// # Errors
/// The loss of the connection, or a server that does not answer `SELECT version()`. Must be called
/// outside a transaction: what a server refuses would end it.
pub async fn identity(connection: &mut Connection) -> Result<Identity> {
    let basics = connection
        .query("SELECT version(), current_database()")
        .await
        .doing("asking the server for its version")?;
    let basics = Answer::new(&basics, "version() and current_database()");
    let peer = connection.peer().clone();
    let mut identity = Identity {
        system_identifier: None,
        timeline: None,
        host: peer.host,
        port: peer.port,
        database: basics.must(1)?.to_owned(),
        database_oid: None,
        server_version_num: None,
        version: basics.must(0)?.to_owned(),
        in_recovery: false,
    };
    complete(connection, &mut identity).await?;
    Ok(identity)
}

/// Whether two identities are of one server and one database.
///
/// By system identifier, timeline and database oid where both sides tell them, else by address. A
/// primary and its standby are two servers.
pub fn same_server(a: &Identity, b: &Identity) -> bool {
    if a.in_recovery != b.in_recovery || a.database != b.database {
        return false;
    }
    let told = |i: &Identity| Some((i.system_identifier?, i.timeline?, i.database_oid?));
    match (told(a), told(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.host == b.host && a.port == b.port && a.database_oid == b.database_oid,
        _ => false,
    }
}

/// Reads the answer to one question into the identity.
type Read = fn(&mut Identity, &Reply) -> Result<()>;

/// Fills in what not every server tells; each question is a try of its own.
async fn complete(connection: &mut Connection, identity: &mut Identity) -> Result<()> {
    let questions: [(&str, Read); 4] = [
        (
            "SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database()",
            |i, reply| {
                i.database_oid = Answer::new(reply, "the database's oid").number(0)?;
                Ok(())
            },
        ),
        (
            "SELECT current_setting('server_version_num'), pg_is_in_recovery()::text",
            |i, reply| {
                i.server_version_num = reply.value(0).and_then(|v| v.parse().ok());
                i.in_recovery = matches!(reply.value(1), Some("t" | "true"));
                Ok(())
            },
        ),
        (
            "SELECT system_identifier::text FROM pg_catalog.pg_control_system()",
            |i, reply| {
                let answer = Answer::new(reply, "pg_control_system()");
                // An unsigned number in a bigint.
                i.system_identifier = answer.number::<i64>(0)?.map(i64::cast_unsigned);
                Ok(())
            },
        ),
        (
            "SELECT timeline_id::text FROM pg_catalog.pg_control_checkpoint()",
            |i, reply| {
                i.timeline = Answer::new(reply, "pg_control_checkpoint()").number(0)?;
                Ok(())
            },
        ),
    ];
    let doing = "asking the server who it is";
    for (question, read) in questions {
        let mut answer = attempt(connection, question, doing).await?;
        if answer.as_ref().is_err_and(|r| !is_not_offered(&r.code)) {
            answer = attempt(connection, question, doing).await?;
        }
        match answer {
            Ok(replies) => read(identity, last(&replies, "identity")?)?,
            Err(refusal) if may_be_lasting(&refusal.code) => {}
            // One server must not be two for a moment: its runs would not be found again.
            Err(refusal) => return Err(wire::Error::Server(refusal)).doing(doing),
        }
    }
    Ok(())
}

/// No such function, no right to it, not supported.
fn is_not_offered(code: &str) -> bool {
    code.starts_with("42") || code.starts_with("0A")
}

/// The same, or what a server may say that has not thought of the question.
fn may_be_lasting(code: &str) -> bool {
    is_not_offered(code) || code.starts_with("XX")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A PostgreSQL that tells everything of itself.
    pub(in crate::endpoint) fn primary() -> Identity {
        Identity {
            system_identifier: Some(7),
            timeline: Some(1),
            host: "a".to_owned(),
            port: 5432,
            database: "shop".to_owned(),
            database_oid: Some(5),
            server_version_num: Some(150_004),
            version: "PostgreSQL 15.4".to_owned(),
            in_recovery: false,
        }
    }

    #[test]
    fn one_server_under_two_addresses_is_one_server() {
        let mut other = primary();
        other.host = "alias".to_owned();
        assert!(same_server(&primary(), &other));
        other.timeline = Some(2);
        assert!(!same_server(&primary(), &other), "another timeline");
    }

    #[test]
    fn a_standby_is_another_server_than_its_primary() {
        let mut standby = primary();
        standby.in_recovery = true;
        assert!(!same_server(&primary(), &standby));
    }

    #[test]
    fn where_a_server_does_not_tell_who_it_is_its_address_counts() {
        let (mut a, mut b) = (primary(), primary());
        (a.system_identifier, b.system_identifier) = (None, None);
        assert!(same_server(&a, &b));
        b.port = 5433;
        assert!(!same_server(&a, &b));
        assert!(
            !same_server(&a, &primary()),
            "one tells, the other does not"
        );
    }
}
