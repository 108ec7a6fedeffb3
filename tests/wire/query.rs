//! Simple queries, notices, parameters, loss and cancelling, on a real server.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use wire9::wire::{Error, TransactionStatus};

use crate::connected;

#[tokio::test]
async fn a_query_answers_with_its_rows_and_its_tag() {
    let mut connection = connected().await;
    let reply = connection
        .query("VALUES ('a', NULL), ('', 'ü')")
        .await
        .unwrap();
    let rows: Vec<Vec<Option<&str>>> = reply
        .rows
        .iter()
        .map(|row| row.iter().map(Option::as_deref).collect())
        .collect();
    assert_eq!(rows, [[Some("a"), None], [Some(""), Some("ü")]]);
    assert_eq!(
        (reply.tag.as_str(), reply.tag.rows()),
        ("SELECT 2", Some(2))
    );
    assert_eq!(connection.query("").await.unwrap().tag.as_str(), "");
}

#[tokio::test]
async fn every_statement_of_a_query_has_its_reply() {
    let mut connection = connected().await;
    let sql = "BEGIN; SELECT 1 WHERE false; SELECT 2; COMMIT";
    let replies = connection.query_all(sql).await.unwrap();
    let tags: Vec<&str> = replies.iter().map(|reply| reply.tag.as_str()).collect();
    assert_eq!(tags, ["BEGIN", "SELECT 0", "SELECT 1", "COMMIT"]);
    assert_eq!(replies[2].value(0), Some("2"));
}

#[tokio::test]
async fn the_status_of_the_transaction_is_known() {
    let mut connection = connected().await;
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    connection.query("BEGIN").await.unwrap();
    assert_eq!(
        connection.transaction_status(),
        TransactionStatus::InTransaction
    );
    connection.query("SELECT 1/0").await.unwrap_err();
    assert_eq!(connection.transaction_status(), TransactionStatus::Failed);
    assert_eq!(
        connection.query("COMMIT").await.unwrap().tag.as_str(),
        "ROLLBACK"
    );
}

#[tokio::test]
async fn rows_are_shown_as_they_arrive_and_a_break_closes_the_connection() {
    let mut connection = connected().await;
    let mut seen = 0_u64;
    let sql = "SELECT repeat('x', 1000) FROM generate_series(1, 5000)";
    let tag = connection.query_each(sql, |row| {
        seen += row.get(0).map_or(0, str::len) as u64;
        ControlFlow::Continue(())
    });
    assert_eq!(tag.await.unwrap().rows(), Some(5000));
    assert_eq!(seen, 5_000_000);
    connection
        .query_each(sql, |_| ControlFlow::Break(()))
        .await
        .unwrap();
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn an_error_of_the_server_leaves_the_connection_usable() {
    let mut connection = connected().await;
    let error = connection
        .query("SELECT 1; SELECT 'hunter2'::int; SELECT 3")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("22P02"));
    assert!(!error.is_fatal());
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    assert!(connection.is_usable());
    assert_eq!(
        connection.query("SELECT 7").await.unwrap().value(0),
        Some("7")
    );
}

#[tokio::test]
async fn a_statement_that_can_not_be_sent_is_refused_before_it_is() {
    let mut connection = connected().await;
    let error = connection.query("SELECT '\0'").await.unwrap_err();
    assert!(matches!(error, Error::Unsendable { .. }) && !error.is_fatal());
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_copy_run_as_a_query_is_an_error_that_ends_the_connection() {
    let mut connection = connected().await;
    let error = connection
        .query("COPY (SELECT 1) TO STDOUT")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn warnings_are_kept_the_newest_16_and_notices_are_not() {
    let mut connection = connected().await;
    let sql =
        "DO $$ BEGIN RAISE NOTICE 'n'; FOR i IN 1..20 LOOP RAISE WARNING 'w'; END LOOP; END $$";
    connection.query(sql).await.unwrap();
    let notices = connection.take_notices();
    assert_eq!(notices.len(), 16);
    assert!(notices.iter().all(|notice| notice.severity == "WARNING"));
    assert!(connection.take_notices().is_empty());
}

#[tokio::test]
async fn parameters_follow_the_server() {
    let mut connection = connected().await;
    assert!(connection.parameter("server_version").is_some());
    connection
        .query("SET TimeZone = 'UTC'; SET application_name = 'x1'")
        .await
        .unwrap();
    assert_eq!(connection.parameter("TimeZone"), Some("UTC"));
    assert_eq!(connection.parameter("application_name"), Some("x1"));
}

#[tokio::test]
async fn a_dropped_query_leaves_the_connection_unusable_and_not_out_of_step() {
    let mut connection = connected().await;
    let query = connection.query("SELECT pg_sleep(5)");
    tokio::time::timeout(Duration::from_millis(100), query)
        .await
        .unwrap_err();
    assert!(!connection.is_usable());
    let error = connection.query("SELECT 1").await.unwrap_err();
    assert!(
        matches!(error, Error::Unfinished { .. }) && error.is_fatal(),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_busy_for_too_long_is_silent() {
    let mut connection = connected().await;
    connection.set_reply_timeout(Duration::from_millis(300));
    let begun = Instant::now();
    let error = connection.query("SELECT pg_sleep(20)").await.unwrap_err();
    assert!(matches!(error, Error::Silent { after, .. } if after == Duration::from_millis(300)));
    assert!(begun.elapsed() < Duration::from_secs(5) && !connection.is_usable());
}

#[tokio::test]
async fn a_running_statement_is_cancelled() {
    let mut connection = connected().await;
    let canceller = connection.canceller();
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        canceller.cancel().await
    };
    let (outcome, cancelled) = tokio::join!(connection.query("SELECT pg_sleep(30)"), cancel);
    cancelled.unwrap();
    assert_eq!(outcome.unwrap_err().code(), Some("57014"));
    assert!(connection.is_usable());
}

#[tokio::test]
async fn the_end_of_an_idle_connection_is_noticed() {
    let (mut idle, mut other) = (connected().await, connected().await);
    let pid = idle.backend_pid().unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(200), idle.wait_for_loss()).await;
    assert!(waiting.is_err(), "it is there, and the wait can be dropped");
    assert!(idle.is_usable());
    let sql = format!("SELECT pg_terminate_backend({pid})");
    let (error, _) = tokio::join!(idle.wait_for_loss(), other.query(&sql));
    assert_eq!(error.code(), Some("57P01"));
    assert!(error.is_fatal() && !idle.is_usable());
}

#[tokio::test]
async fn the_servers_last_words_are_the_error_of_the_next_query() {
    let (mut victim, mut other) = (connected().await, connected().await);
    let pid = victim.backend_pid().unwrap();
    other
        .query(&format!("SELECT pg_terminate_backend({pid})"))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let error = victim.query("SELECT 1").await.unwrap_err();
    assert_eq!(error.code(), Some("57P01"), "{error}");
    assert!(!victim.is_usable());
}

#[tokio::test]
async fn a_closed_connection_leaves_no_session_behind() {
    let (connection, mut other) = (connected().await, connected().await);
    let pid = connection.backend_pid().unwrap();
    connection.close().await;
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    for _ in 0..50 {
        if other.query(&sql).await.unwrap().value(0) == Some("0") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the session is still there");
}
