//! What a server takes and how long it waits, as far as that can be seen without creating anything.

use std::time::Duration;

use tokio::time::sleep;

use super::{Prober, probed};
use crate::endpoint::error::Result;
use crate::endpoint::settings::milliseconds;
use crate::profile::Profile;

/// A statement that the CancelRequest must end, and how long it takes where it does not.
const LONG_STATEMENT: &str = "SELECT pg_sleep(2)";

/// When the statement is certainly running: a request that comes earlier cancels nothing.
const UNDER_WAY: Duration = Duration::from_millis(100);

pub(super) async fn probe(prober: &mut Prober<'_>) -> Result<()> {
    // The text of dates is compared later; a server that has no other style may refuse.
    prober
        .run("DateStyle", &["SET DateStyle = 'ISO'"])
        .await?
        .ok();
    several_statements(prober).await?;
    timeouts(prober).await?;
    numbers(prober).await?;
    transactions(prober).await
}

async fn several_statements(prober: &mut Prober<'_>) -> Result<()> {
    let tried = prober
        .run("several statements in one Query", &["SELECT 1; SELECT 2"])
        .await?;
    prober.several = tried.is_ok_and(|replies| {
        let values: Vec<_> = replies.iter().map(|reply| reply.value(0)).collect();
        values == [Some("1"), Some("2")]
    });
    prober.profile.multi_statement = probed(prober.several);
    Ok(())
}

async fn timeouts(prober: &mut Prober<'_>) -> Result<()> {
    let name = "statement_timeout";
    if let Some(found) = duration(prober, name).await? {
        prober.profile.statement_timeout_ms = probed(found);
    }
    let lifts = lasts(prober, name, 0).await?;
    prober.profile.statement_timeout_lifts = probed(lifts);
    if !lifts {
        prober.note("statement_timeout can not be lifted: long statements will be cancelled");
    }
    let name = "idle_in_transaction_session_timeout";
    if let Some(found) = duration(prober, name).await? {
        prober.profile.idle_in_transaction_timeout_ms = probed(found);
    }
    // Any value that is not the server's own; wire9 never switches this one off on a target.
    let lifts = lasts(prober, name, 123_000).await?;
    prober.profile.idle_in_transaction_timeout_lifts = probed(lifts);
    Ok(())
}

async fn duration(prober: &mut Prober<'_>, name: &str) -> Result<Option<u64>> {
    let shown = prober.value(name, &[&format!("SHOW {name}")]).await?;
    Ok(shown.as_deref().and_then(milliseconds))
}

/// Whether `SET LOCAL` makes the setting have a value.
async fn lasts(prober: &mut Prober<'_>, name: &str, value: u64) -> Result<bool> {
    let set = format!("SET LOCAL {name} = {value}");
    let show = format!("SHOW {name}");
    let shown = prober
        .value(name, &["BEGIN", &set, &show, "ROLLBACK"])
        .await?;
    Ok(shown.as_deref().and_then(milliseconds) == Some(value))
}

async fn numbers(prober: &mut Prober<'_>) -> Result<()> {
    let connections = prober
        .value("max_connections", &["SHOW max_connections"])
        .await?;
    if let Some(connections) = connections.and_then(|text| text.parse().ok()) {
        prober.profile.max_connections = probed(connections);
    }
    let scanned = "db9.dml_table_scan_max_rows";
    if prober.profile.is_db9() {
        let shown = prober.value(scanned, &[&format!("SHOW {scanned}")]).await?;
        if let Some(rows) = shown.and_then(|text| text.parse().ok()) {
            prober.profile.dml_scan_max_rows = probed(rows);
        }
    }
    for digits in [3_i8, 1, 0] {
        let set = format!("SET LOCAL extra_float_digits = {digits}");
        if prober
            .takes("extra_float_digits", &["BEGIN", &set, "ROLLBACK"])
            .await?
        {
            prober.profile.extra_float_digits = probed(digits);
            break;
        }
    }
    Ok(())
}

async fn transactions(prober: &mut Prober<'_>) -> Result<()> {
    // No process has this id.
    let terminate = "SELECT pg_terminate_backend(2147483647)";
    let terminates = prober.takes("pg_terminate_backend", &[terminate]).await?;
    prober.profile.terminate_backend = probed(terminates);
    let repeatable = prober
        .value(
            "REPEATABLE READ",
            &[
                "BEGIN ISOLATION LEVEL REPEATABLE READ",
                "SHOW transaction_isolation",
                "ROLLBACK",
            ],
        )
        .await?;
    prober.profile.repeatable_read = probed(repeatable.as_deref() == Some("repeatable read"));
    let exported = prober
        .value(
            "pg_export_snapshot",
            &[
                "BEGIN ISOLATION LEVEL REPEATABLE READ",
                "SELECT pg_export_snapshot()",
                "ROLLBACK",
            ],
        )
        .await?;
    prober.profile.export_snapshot = probed(exported.is_some());
    Ok(())
}

/// Whether a CancelRequest is heard: 57014 before the statement's own end. It takes a tenth of a second,
/// in which nothing else is done.
pub(super) async fn cancel(prober: &mut Prober<'_>) -> Result<()> {
    let canceller = prober.connection.canceller();
    let ask = async {
        sleep(UNDER_WAY).await;
        canceller.cancel().await
    };
    let (answer, asked) = tokio::join!(prober.connection.query(LONG_STATEMENT), ask);
    let cancels = match super::refusal(prober.connection, answer, "CancelRequest")? {
        Ok(_) => Some(false),
        Err(refusal) if refusal.code == "57014" => Some(true),
        // No pg_sleep: nothing to cancel.
        Err(_) => None,
    };
    if let (Some(false), Err(error)) = (cancels, asked) {
        prober.note(format!("a CancelRequest could not be sent: {error}"));
    }
    match cancels {
        Some(cancels) => prober.profile.cancel_request = probed(cancels),
        None if Profile::yes(&prober.profile.cancel_request).is_none() => {
            prober.note("whether a CancelRequest is heard could not be tried");
        }
        None => {}
    }
    Ok(())
}
