//! The schema in which a probe tries things. Its name tells its age, so that what an earlier probe
//! has left behind can be dropped.

use super::Prober;
use crate::endpoint::error::Result;
use crate::sql;
use crate::wire::{ConnectOptions, Connection};

const PREFIX: &str = "wire9_probe_";

/// A probe takes seconds: what is older than this, in seconds, has been left behind.
const LEFT_BEHIND: u64 = 3_600;

/// Creates the schema, after dropping those that were left behind; `None` where it is refused.
pub(super) async fn create(prober: &mut Prober<'_>) -> Result<Option<String>> {
    let now = prober
        .value(
            "the server's clock",
            &["SELECT floor(extract(epoch FROM now()))::bigint::text"],
        )
        .await?
        .and_then(|text| text.parse::<u64>().ok());
    if let Some(now) = now {
        drop_left_behind(prober, now).await?;
    }
    let schema = format!("{PREFIX}{}_{:08x}", now.unwrap_or(0), rand::random::<u32>());
    let create = format!("CREATE SCHEMA {}", sql::identifier(&schema));
    match prober.run("CREATE SCHEMA", &[&create]).await? {
        Ok(_) => Ok(Some(schema)),
        Err(refusal) => {
            prober.note(format!(
                "no scratch schema could be created ({refusal}): what could not be probed is as \
                 documented"
            ));
            Ok(None)
        }
    }
}

/// Drops the schema; on a new connection where a try has cost the first one. What stays is noted.
pub(super) async fn drop(
    prober: &mut Prober<'_>,
    schema: &str,
    reconnect: Option<&ConnectOptions>,
) {
    let sql = drop_statement(schema);
    let mut dropped = prober.connection.is_usable() && {
        // Of a transaction that a try has left open nothing is wanted any more.
        let _ = crate::endpoint::session::rollback(prober.connection).await;
        prober.connection.query(&sql).await.is_ok()
    };
    if let (false, Some(options)) = (dropped, reconnect)
        && let Ok(mut connection) = Connection::connect(options).await
    {
        dropped = connection.query(&sql).await.is_ok();
        connection.close().await;
    }
    if !dropped {
        prober.note(format!("the scratch schema {schema} could not be dropped"));
    }
}

async fn drop_left_behind(prober: &mut Prober<'_>, now: u64) -> Result<()> {
    let list = format!(
        "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname LIKE {}",
        sql::literal(&format!("{PREFIX}%")),
    );
    let Ok(replies) = prober.run("earlier scratch schemas", &[&list]).await? else {
        return Ok(());
    };
    let rows = replies.iter().flat_map(|reply| &reply.rows);
    let old: Vec<String> = rows
        .filter_map(|row| row.first()?.as_deref())
        .filter(|name| born(name).is_some_and(|born| now.saturating_sub(born) > LEFT_BEHIND))
        .map(str::to_owned)
        .collect();
    for schema in old {
        let gone = prober
            .takes("DROP SCHEMA", &[&drop_statement(&schema)])
            .await?;
        let what = if gone {
            "was dropped"
        } else {
            "could not be dropped"
        };
        prober.note(format!(
            "the scratch schema {schema} of an earlier probe {what}"
        ));
    }
    Ok(())
}

/// Seconds since 1970 when a scratch schema was created; `None` where the name is none of ours.
fn born(schema: &str) -> Option<u64> {
    let (born, random) = schema.strip_prefix(PREFIX)?.split_once('_')?;
    let ours = random.len() == 8 && random.bytes().all(|b| b.is_ascii_hexdigit());
    born.parse().ok().filter(|_| ours)
}

fn drop_statement(schema: &str) -> String {
    format!("DROP SCHEMA IF EXISTS {} CASCADE", sql::identifier(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_probes_tell_an_age() {
        assert_eq!(born("wire9_probe_1700000000_0123abcd"), Some(1_700_000_000));
        for other in [
            "wire9_probe_mine",
            "wire9_probe_1_2",
            "wire9xprobe_1_01234567",
            "public",
        ] {
            assert_eq!(born(other), None, "{other}");
        }
    }
}
