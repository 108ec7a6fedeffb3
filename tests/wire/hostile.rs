//! Servers that break every rule: nothing hangs, nothing panics, nothing is out of step.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use wire9::wire::{Connection, Error};

use crate::fake::{Server, answering, copy_response, error, message, ready, serve, welcome};

/// Longer than any of these servers should be waited for.
const PATIENCE: Duration = Duration::from_secs(30);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it hangs")
}

#[tokio::test]
async fn a_server_that_closes_at_any_byte_of_its_welcome_is_lost() {
    let whole = welcome();
    for end in 0..whole.len() {
        let part = whole[..end].to_vec();
        let options = serve(async move |mut server: Server| {
            // Once let in, it must not be sent what the client did not wait for.
            let _ = tokio::io::AsyncReadExt::read(&mut server.0, &mut [0; 1000]).await;
            server.write(&part).await;
        });
        let outcome = in_time(Connection::connect(&options.await)).await;
        assert!(
            matches!(outcome, Err(Error::Lost { .. })),
            "{end}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_closes_at_any_byte_of_an_answer_is_lost() {
    let whole = [
        message(b'T', &[0, 0]),
        message(b'D', &[0, 0]),
        message(b'C', b"SELECT 1\0"),
        ready(),
    ];
    let whole = whole.concat();
    for end in 0..whole.len() {
        let part = whole[..end].to_vec();
        let mut connection =
            answering(async move |mut server: Server| server.write(&part).await).await;
        let outcome = in_time(connection.query("SELECT")).await;
        assert!(
            matches!(outcome, Err(Error::Lost { .. })),
            "{end}: {outcome:?}"
        );
        assert!(!connection.is_usable());
    }
}

#[tokio::test]
async fn copy_data_cut_at_any_byte_comes_out_whole() {
    let whole = [
        copy_response(b'H'),
        message(b'd', b"one\n"),
        message(b'd', b""),
        error(b'N', "WARNING", "01000", "w"),
        message(b'd', b"two\n"),
        message(b'S', b"TimeZone\0UTC\0"),
        message(b'c', b""),
        message(b'C', b"COPY 2\0"),
        ready(),
    ]
    .concat();
    for cut in 0..=whole.len() {
        let (first, second) = (whole[..cut].to_vec(), whole[cut..].to_vec());
        let mut connection = answering(async move |mut server: Server| {
            server.write(&first).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            server.write(&second).await;
            server.linger().await;
        })
        .await;
        let mut rows = Vec::new();
        let mut copy = connection.copy_out("COPY t TO STDOUT").await.unwrap();
        while in_time(copy.read(&mut rows, usize::MAX)).await.unwrap() > 0 {}
        assert_eq!(copy.finish().await.unwrap().rows(), Some(2), "{cut}");
        assert_eq!(rows, b"one\ntwo\n", "{cut}");
        assert_eq!(connection.take_notices().len(), 1);
        assert_eq!(connection.parameter("TimeZone"), Some("UTC"));
        assert!(connection.is_usable());
    }
}

#[tokio::test]
async fn a_copy_that_ends_without_copy_done_is_an_error() {
    for end in [message(b'C', b"COPY 1\0"), ready(), message(b'Q', b"")] {
        let answer = [copy_response(b'H'), message(b'd', b"one\n"), end].concat();
        let mut connection = answering(async move |mut server: Server| {
            server.write(&answer).await;
            server.linger().await;
        })
        .await;
        let mut copy = connection.copy_out("COPY t TO STDOUT").await.unwrap();
        let mut rows = Vec::new();
        while in_time(copy.read(&mut rows, usize::MAX))
            .await
            .is_ok_and(|read| read > 0)
        {}
        let outcome = in_time(copy.read(&mut rows, usize::MAX)).await;
        assert!(
            !matches!(outcome, Ok(0)),
            "an end that is none was taken for one"
        );
        drop(copy);
        assert!(!connection.is_usable());
    }
}

#[tokio::test]
async fn lengths_that_make_no_sense_break_the_protocol() {
    for bytes in [
        &b"D\0\0\0\x03"[..],
        b"D\x7f\xff\xff\xff",
        b"D\xff\xff\xff\xff",
        b"Z\x00\x10\0\0",
        b"\0\0\0\0\0",
    ] {
        let mut connection = answering(async move |mut server: Server| {
            server.write(bytes).await;
            server.linger().await;
        })
        .await;
        let outcome = in_time(connection.query("SELECT")).await;
        assert!(
            matches!(outcome, Err(Error::Protocol { .. })),
            "{bytes:?}: {outcome:?}"
        );
        assert!(!connection.is_usable());
    }
}

#[tokio::test]
async fn an_endless_welcome_is_refused() {
    let options = serve(async |mut server: Server| {
        server.write(b"R\0\x20\0\0").await;
        server.linger().await;
    });
    let outcome = in_time(Connection::connect(&options.await)).await;
    assert!(
        matches!(outcome, Err(Error::Protocol { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_one_that_trickles_is_not() {
    let mut connection = answering(async |mut server: Server| {
        for byte in [message(b'C', b"SELECT 0\0"), ready()].concat() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.write(&[byte]).await;
        }
        assert_eq!(server.read().await.0, b'Q');
        server.linger().await;
    })
    .await;
    connection.set_reply_timeout(Duration::from_millis(600));
    connection
        .query("SELECT")
        .await
        .expect("each byte starts the deadline again");
    let begun = Instant::now();
    let outcome = in_time(connection.query("SELECT")).await;
    assert!(matches!(outcome, Err(Error::Silent { .. })), "{outcome:?}");
    assert!(begun.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_wait_taken_up_again_goes_on_counting_and_the_time_between_waits_does_not_count() {
    let mut connection = answering(async |mut server: Server| {
        server.write(&copy_response(b'H')).await;
        server.linger().await;
    })
    .await;
    connection.set_reply_timeout(Duration::from_millis(500));
    let mut copy = connection.copy_out("COPY t TO STDOUT").await.unwrap();
    let mut rows = Vec::new();
    let waits = async {
        for wait in 0.. {
            let read = copy.read(&mut rows, 1);
            match tokio::time::timeout(Duration::from_millis(100), read).await {
                Ok(outcome) => return (wait, outcome),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
        unreachable!("the numbers end first")
    };
    let (waits, outcome) = in_time(waits).await;
    assert!(matches!(outcome, Err(Error::Silent { .. })), "{outcome:?}");
    assert!(waits >= 3, "the pauses were counted: {waits}");
}

#[tokio::test]
async fn a_server_that_takes_no_more_bytes_is_given_up() {
    let mut connection = answering(async |mut server: Server| {
        server.write(&copy_response(b'G')).await;
        tokio::time::sleep(PATIENCE).await;
    })
    .await;
    connection.set_reply_timeout(Duration::from_millis(500));
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    let error = in_time(send_until_error(&mut copy)).await;
    // The kernel's own user timeout may come first; both end the wait.
    assert!(error.is_lost(), "{error}");
    drop(copy);
    assert!(!connection.is_usable());
}

async fn send_until_error(copy: &mut wire9::wire::CopyIn<'_>) -> Error {
    let frame = vec![b'x'; 256 * 1024];
    loop {
        if let Err(e) = copy.send(&frame).await {
            return e;
        }
    }
}

#[tokio::test]
async fn a_server_that_stops_reading_after_its_error_does_not_hold_it_back() {
    let mut connection = answering(async |mut server: Server| {
        server.write(&copy_response(b'G')).await;
        server.read().await;
        server.write(&error(b'E', "ERROR", "54000", "enough")).await;
        server.write(&ready()).await;
        tokio::time::sleep(PATIENCE).await;
    })
    .await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    let begun = Instant::now();
    let error = in_time(send_until_error(&mut copy)).await;
    assert_eq!(error.code(), Some("54000"));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn after_an_error_in_mid_copy_the_begun_message_is_finished_and_the_next_query_is_in_step() {
    let mut connection = answering(async |mut server: Server| {
        server.write(&copy_response(b'G')).await;
        // The error comes while a message of 8 MiB is under way, before most of it is read.
        tokio::io::AsyncReadExt::read_u8(&mut server.0)
            .await
            .unwrap();
        server
            .write(&error(b'E', "ERROR", "22P02", "bad: \"hunter2\""))
            .await;
        server.write(&ready()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut rest = vec![0; 8 * 1024 * 1024 + 4];
        tokio::io::AsyncReadExt::read_exact(&mut server.0, &mut rest)
            .await
            .unwrap();
        assert_eq!(server.read().await, (b'Q', b"SELECT 2\0".to_vec()));
        server
            .write(&[message(b'C', b"SELECT 0\0"), ready()].concat())
            .await;
        server.linger().await;
    })
    .await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    let error = in_time(copy.send(&vec![b'x'; 8 * 1024 * 1024]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("22P02"));
    copy.abort("it is over anyway").await.unwrap();
    assert!(connection.is_usable());
    assert_eq!(
        in_time(connection.query("SELECT 2"))
            .await
            .unwrap()
            .tag
            .as_str(),
        "SELECT 0"
    );
}

#[tokio::test]
async fn a_fatal_error_in_mid_copy_is_told_though_the_server_is_gone() {
    let mut connection = answering(async |mut server: Server| {
        server.write(&copy_response(b'G')).await;
        server.read().await;
        server
            .write(&error(b'E', "FATAL", "57P01", "shutdown"))
            .await;
        // What was not read makes the kernel reset the connection a little later.
        tokio::time::sleep(Duration::from_millis(200)).await;
    })
    .await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    let error = in_time(send_until_error(&mut copy)).await;
    assert_eq!(error.code(), Some("57P01"), "{error}");
    assert!(error.is_fatal());
    drop(copy);
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn notices_and_parameters_in_mid_copy_in_are_taken() {
    let mut connection = answering(async |mut server: Server| {
        server.write(&copy_response(b'G')).await;
        server.read().await;
        server
            .write(&error(b'N', "WARNING", "01000", "slow down"))
            .await;
        server.write(&message(b'S', b"TimeZone\0UTC\0")).await;
        while server.read().await.0 != b'c' {}
        server
            .write(&[message(b'C', b"COPY 9\0"), ready()].concat())
            .await;
        server.linger().await;
    })
    .await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    for _ in 0..10 {
        copy.send(&[b'x'; 1000]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(in_time(copy.finish()).await.unwrap().rows(), Some(9));
    assert_eq!(connection.take_notices()[0].message(), "slow down");
    assert_eq!(connection.parameter("TimeZone"), Some("UTC"));
}

#[tokio::test]
async fn a_send_dropped_in_mid_message_ends_the_copy() {
    let mut connection = answering(async |mut server: Server| {
        server.write(&copy_response(b'G')).await;
        tokio::time::sleep(PATIENCE).await;
    })
    .await;
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    let frame = vec![b'x'; 64 * 1024 * 1024];
    tokio::time::timeout(Duration::from_millis(200), copy.send(&frame))
        .await
        .unwrap_err();
    let error = copy.send(b"x").await.unwrap_err();
    assert!(matches!(error, Error::Unfinished { .. }), "{error}");
    drop(copy);
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn an_answer_that_lies_about_its_columns_breaks_the_protocol() {
    for body in [
        &b"\0"[..],
        b"\0\x02\0\0\0\0",
        b"\0\x01\0\0\0\x09x",
        b"\0\x01\0\0\0\x01\xff",
    ] {
        let row = message(b'D', body);
        let mut connection = answering(async move |mut server: Server| {
            server.write(&row).await;
            server.linger().await;
        })
        .await;
        let outcome = in_time(connection.query("SELECT")).await;
        assert!(
            matches!(outcome, Err(Error::Protocol { .. })),
            "{body:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_asks_for_the_password_in_clear_from_afar_or_by_unknown_means_gets_none() {
    for (kind, word) in [(7_u32, "GSSAPI"), (2, "Kerberos"), (99, "unknown")] {
        let options = serve(async move |mut server: Server| {
            server.write(&message(b'R', &kind.to_be_bytes())).await;
            server.linger().await;
        });
        let error = in_time(Connection::connect(&options.await))
            .await
            .unwrap_err();
        assert!(
            error.is_authentication() && error.to_string().contains(word),
            "{error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_answer_makes_a_client_hang_or_panic(
        tags in proptest::collection::vec((proptest::sample::select(b"CDEGHINSTWZcdx".to_vec()), proptest::collection::vec(any::<u8>(), 0..20)), 0..6),
        garbage in proptest::collection::vec(any::<u8>(), 0..10),
    ) {
        let answer: Vec<u8> =
            tags.iter().flat_map(|(tag, body)| message(*tag, body)).chain(garbage).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for operation in 0..3 {
                let answer = answer.clone();
                let mut connection =
                    answering(async move |mut server: Server| server.write(&answer).await).await;
                in_time(operate(&mut connection, operation)).await;
            }
        });
    }
}

async fn operate(connection: &mut Connection, operation: u8) {
    match operation {
        0 => drop(connection.query("SELECT").await),
        1 => {
            if let Ok(mut copy) = connection.copy_out("COPY t TO STDOUT").await {
                while copy
                    .read(&mut Vec::new(), 10)
                    .await
                    .is_ok_and(|read| read > 0)
                {}
                let _ = copy.finish().await;
            }
        }
        _ => {
            if let Ok(mut copy) = connection.copy_in("COPY t FROM STDIN").await {
                let _ = copy.send(b"x").await;
                let _ = copy.finish().await;
            }
        }
    }
}
