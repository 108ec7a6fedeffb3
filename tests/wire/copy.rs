//! COPY in both directions, on a real server.

use std::time::Duration;

use wire9::wire::{Connection, Error};

use crate::connected;

async fn with_table() -> Connection {
    let mut connection = connected().await;
    connection
        .query("CREATE TEMP TABLE t (id int PRIMARY KEY, v text)")
        .await
        .unwrap();
    connection
}

async fn count(connection: &mut Connection) -> String {
    let reply = connection.query("SELECT count(*) FROM t").await.unwrap();
    reply.value(0).unwrap().to_owned()
}

#[tokio::test]
async fn rows_go_in_and_come_out_as_they_were() {
    let mut connection = with_table().await;
    let rows: String = (0..50_000)
        .map(|i| format!("{i}\trow {i} \\\\ \\\\N \\t ü\n"))
        .collect();
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    // Frames need not end where rows do.
    for frame in rows.as_bytes().chunks(100_001) {
        copy.send(frame).await.unwrap();
    }
    assert_eq!(copy.finish().await.unwrap().rows(), Some(50_000));

    let mut copy = connection
        .copy_out("COPY (SELECT * FROM t ORDER BY id) TO STDOUT")
        .await
        .unwrap();
    let mut back = Vec::new();
    while copy.read(&mut back, usize::MAX).await.unwrap() > 0 {}
    assert_eq!(copy.finish().await.unwrap().rows(), Some(50_000));
    assert!(back == rows.as_bytes());
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_read_stops_at_its_limit_and_can_be_dropped() {
    let mut connection = connected().await;
    // The pause in the middle lets the reader come up with the server, however busy the machine is.
    let sql = "COPY (SELECT repeat('x', 99) FROM generate_series(1, 20000) i \
               WHERE i <> 10000 OR pg_sleep(0.3) IS NOT NULL) TO STDOUT";
    let mut copy = connection.copy_out(sql).await.unwrap();
    let (mut total, mut dropped) = (0, 0);
    let mut into = Vec::new();
    loop {
        into.clear();
        let read = copy.read(&mut into, 1000);
        // A deadline of nothing drops the read as soon as it waits.
        match tokio::time::timeout(Duration::ZERO, read).await {
            Ok(Ok(0)) => break,
            Ok(outcome) => assert!(outcome.unwrap() <= 1100),
            Err(_) => dropped += 1,
        }
        total += into.len();
    }
    assert_eq!(
        (total, copy.finish().await.unwrap().rows()),
        (2_000_000, Some(20_000))
    );
    assert!(dropped > 0);
}

#[tokio::test]
async fn a_row_of_30_megabytes_goes_through() {
    let mut connection = with_table().await;
    let row = format!("1\t{}\n", "x".repeat(30_000_000));
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    copy.send(row.as_bytes()).await.unwrap();
    copy.finish().await.unwrap();
    let mut copy = connection.copy_out("COPY t TO STDOUT").await.unwrap();
    let mut back = Vec::new();
    while copy.read(&mut back, 1).await.unwrap() > 0 {}
    copy.finish().await.unwrap();
    assert!(back == row.as_bytes());
}

#[tokio::test]
async fn server_error_in_mid_copy_stops_the_writer() {
    let mut connection = with_table().await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    let good: String = (0..20_000).map(|i| format!("{i}\tx\n")).collect();
    copy.send(good.as_bytes()).await.unwrap();
    copy.send(b"hunter2\tx\n").await.unwrap();
    let frame = vec![b'\n'; 256 * 1024];
    let mut outcome = Ok(());
    for _ in 0..10_000 {
        outcome = copy.send(&frame).await;
        if outcome.is_err() {
            break;
        }
    }
    let error = outcome.expect_err("2.5 GB were sent to a server that had failed");
    assert_eq!(error.code(), Some("22P02"));
    assert_eq!(error.server().unwrap().copy_line, Some(20_001));
    assert_eq!(error.server().unwrap().column.as_deref(), Some("id"));
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    let again = copy.finish().await.unwrap_err();
    assert_eq!(again.code(), Some("22P02"));
    assert!(connection.is_usable());
    assert_eq!(count(&mut connection).await, "0");
}

#[tokio::test]
async fn an_error_at_the_end_of_a_copy_shows_no_value_and_leaves_the_connection_usable() {
    let mut connection = with_table().await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    copy.send(b"4711\ta\n4711\tb\n").await.unwrap();
    let error = copy.finish().await.unwrap_err();
    assert_eq!(error.code(), Some("23505"));
    assert!(!error.to_string().contains("4711"), "{error}");
    assert_eq!(
        error.server().unwrap().constraint.as_deref(),
        Some("t_pkey")
    );
    assert_eq!(count(&mut connection).await, "0");
}

#[tokio::test]
async fn an_aborted_copy_leaves_no_row() {
    let mut connection = with_table().await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    copy.send(b"1\ta\n").await.unwrap();
    copy.abort("changed my\0mind").await.unwrap();
    assert!(connection.is_usable());
    assert_eq!(count(&mut connection).await, "0");
}

#[tokio::test]
async fn a_dropped_copy_closes_its_connection_and_leaves_no_row() {
    let (mut writer, mut other) = (connected().await, connected().await);
    let pid = writer.backend_pid().unwrap();
    let name = format!("dropped_{pid}");
    writer
        .query(&format!("CREATE TABLE {name} (id int)"))
        .await
        .unwrap();
    let mut copy = writer
        .copy_in(&format!("COPY {name} FROM STDIN"))
        .await
        .unwrap();
    copy.send(b"1\n").await.unwrap();
    drop(copy);
    assert!(!writer.is_usable());
    // The lock is free as soon as the server has noticed.
    let sql = format!("SET lock_timeout = '20s'; LOCK TABLE {name}; SELECT count(*) FROM {name}");
    let rows = other.query(&sql).await.unwrap().value(0).map(str::to_owned);
    other.query(&format!("DROP TABLE {name}")).await.unwrap();
    assert_eq!(rows.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_dropped_copy_out_closes_its_connection() {
    let mut connection = connected().await;
    let sql = "COPY (SELECT * FROM generate_series(1, 1000000)) TO STDOUT";
    let mut copy = connection.copy_out(sql).await.unwrap();
    copy.read(&mut Vec::new(), 100).await.unwrap();
    drop(copy);
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_copy_that_is_finished_early_drops_the_rest_of_its_rows() {
    let mut connection = connected().await;
    let sql = "COPY (SELECT * FROM generate_series(1, 100000)) TO STDOUT";
    let copy = connection.copy_out(sql).await.unwrap();
    assert_eq!(copy.finish().await.unwrap().rows(), Some(100_000));
    assert!(connection.is_usable());
}

#[tokio::test]
async fn an_error_in_mid_copy_out_comes_after_the_rows_before_it() {
    let mut connection = connected().await;
    let sql = "COPY (SELECT 1 / (20000 - i) FROM generate_series(1, 30000) i) TO STDOUT";
    let mut copy = connection.copy_out(sql).await.unwrap();
    let mut rows = Vec::new();
    let error = loop {
        match copy.read(&mut rows, usize::MAX).await {
            Ok(0) => panic!("the end came without the error"),
            Ok(_) => {}
            Err(e) => break e,
        }
    };
    assert_eq!(error.code(), Some("22012"));
    assert_eq!(rows.iter().filter(|&&b| b == b'\n').count(), 19_999);
    drop(copy);
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_copy_that_the_server_refuses_leaves_the_connection_usable() {
    let mut connection = connected().await;
    let error = connection
        .copy_in("COPY no_such_table FROM STDIN")
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), Some("42P01"));
    let error = connection
        .copy_out("COPY no_such_table TO STDOUT")
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), Some("42P01"));
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_statement_that_is_no_copy_is_an_error() {
    let mut connection = connected().await;
    let error = connection.copy_in("SELECT 1").await.err().unwrap();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_server_that_dies_in_mid_copy_ends_the_writer() {
    let (mut writer, mut other) = (with_table().await, connected().await);
    let pid = writer.backend_pid().unwrap();
    let mut copy = writer.copy_in("COPY t FROM STDIN").await.unwrap();
    copy.send(b"1\ta\n").await.unwrap();
    other
        .query(&format!("SELECT pg_terminate_backend({pid})"))
        .await
        .unwrap();
    let frame = b"2\tb\n".repeat(60_000);
    let error = loop {
        if let Err(e) = copy.send(&frame).await {
            break e;
        }
    };
    assert!(error.is_fatal(), "{error}");
    drop(copy);
    assert!(!writer.is_usable());
}
