//! Each fault does what it says: seen by a client that looks at single messages, and in the server.

mod raw;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use raw::{Message, Raw, message_of, outcome};
use testenv::fault::{
    Action, Backend, Close, Delivery, Fault, FaultHandle, FaultProxy, Frontend, Trigger,
};
use testenv::{Cluster, Database, Standin, StandinOptions};

const SECOND: Duration = Duration::from_secs(1);

/// A proxy in front of a database with an empty table `t(a int)`.
struct Bench {
    proxy: FaultProxy,
    database: Database,
}

impl Bench {
    fn new() -> Bench {
        let database = Cluster::shared().database("fault").expect("a database");
        database.execute("CREATE TABLE t (a int)").expect("a table");
        Bench {
            proxy: FaultProxy::start(&database.uri()).expect("a proxy"),
            database,
        }
    }

    fn add(&self, trigger: Trigger, action: Action) -> FaultHandle {
        self.proxy.faults().add(Fault::new(trigger, action))
    }

    fn try_connect(&self, application: &str) -> std::io::Result<Raw> {
        let user = [("user", "postgres"), ("database", self.database.name())];
        Raw::plain(
            self.proxy.port(),
            &[user[0], user[1], ("application_name", application)],
        )
    }

    fn connect(&self) -> Raw {
        self.try_connect("test").expect("connect")
    }

    fn count(&self) -> u64 {
        self.database.count("t").expect("count")
    }

    /// The count once it is `expected`, or after five seconds.
    fn count_becomes(&self, expected: u64) -> u64 {
        let end = Instant::now() + 5 * SECOND;
        while self.count() != expected && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.count()
    }

    fn sessions(&self, state: &str) -> u64 {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'test%'
             AND datname = current_database() AND state LIKE '{state}'"
        );
        self.database.query_value(&sql).expect("pg_stat_activity")
    }

    fn sessions_become(&self, state: &str, expected: u64) -> bool {
        let end = Instant::now() + 5 * SECOND;
        while self.sessions(state) != expected && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.sessions(state) == expected
    }
}

fn error(sqlstate: &str) -> Action {
    let message = "as the script says".to_owned();
    Action::Error {
        sqlstate: sqlstate.to_owned(),
        message,
        deaf: Duration::ZERO,
    }
}

fn status(messages: &[Message]) -> char {
    messages.last().map_or('?', |ready| ready.body[0] as char)
}

fn copy_data(text: &str) -> Vec<u8> {
    message_of(b'd', text.as_bytes())
}

#[test]
fn a_proxy_without_faults_changes_nothing() {
    let bench = Bench::new();
    let mut session = bench.connect();
    assert_eq!(
        outcome(&session.copy("COPY t FROM STDIN", "1\n2\n").unwrap()),
        "COPY 2"
    );
    assert_eq!(session.value("SELECT sum(a) FROM t"), "3");
    let out = session.query("COPY t TO STDOUT").unwrap();
    assert_eq!(out.iter().filter(|message| message.tag == 'd').count(), 2);
    assert_eq!(bench.proxy.connections_opened(), 1);
}

#[test]
#[should_panic(expected = "faults that did not happen")]
fn an_unused_fault_fails_the_test() {
    let bench = Bench::new();
    bench.add(Trigger::query("never"), Action::Cut(Close::Fin));
}

#[test]
fn the_nth_connection_is_refused() {
    let bench = Bench::new();
    bench.add(Trigger::connect().nth(2), Action::RefuseConnect(Close::Rst));
    let _first = bench.connect();
    assert!(bench.try_connect("test").is_err());
    let _third = bench.connect();
}

#[test]
fn a_fault_may_happen_again_and_again() {
    let bench = Bench::new();
    let refuse = Fault::new(Trigger::connect(), Action::RefuseConnect(Close::Fin)).times(2);
    let handle = bench.proxy.faults().add(refuse);
    assert!(bench.try_connect("test").is_err());
    assert!(bench.try_connect("test").is_err());
    assert_eq!(bench.connect().value("SELECT 1"), "1");
    assert_eq!(handle.fired(), 2);
}

#[test]
fn a_cut_ends_with_fin_or_with_rst() {
    for (close, kind) in [
        (Close::Fin, ErrorKind::UnexpectedEof),
        (Close::Rst, ErrorKind::ConnectionReset),
    ] {
        let bench = Bench::new();
        bench.add(Trigger::query("cut here"), Action::Cut(close));
        let mut session = bench.connect();
        session.outcome("BEGIN; INSERT INTO t VALUES (1)");
        let cut = session.query("SELECT 'cut here'").unwrap_err();
        assert_eq!(cut.kind(), kind);
        assert_eq!(bench.count_becomes(0), 0);
        assert!(
            bench.sessions_become("%", 0),
            "the server's session has gone too"
        );
    }
}

#[test]
fn a_cut_inside_a_message_lets_so_many_bytes_pass() {
    let bench = Bench::new();
    let action = Action::CutInside {
        bytes: 7,
        close: Close::Fin,
    };
    bench.add(Trigger::backend(Backend::DataRow), action);
    let mut session = bench.connect();
    session
        .send(&message_of(b'Q', b"SELECT 'value'\0"))
        .unwrap();
    assert_eq!(session.read().unwrap().tag, 'T');
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut session.tcp, &mut rest).unwrap();
    assert_eq!((rest.len(), rest[0]), (7, b'D'));
}

#[test]
fn a_cut_at_a_byte_lets_exactly_the_bytes_before_it_pass() {
    let bench = Bench::new();
    bench.add(
        Trigger::bytes_to_client(400).on_connection(2),
        Action::Cut(Close::Fin),
    );
    let whole = Raw::plain(bench.proxy.port(), &[]).err();
    assert!(whole.is_some(), "a startup without a user is refused");
    let mut session = std::net::TcpStream::connect(("127.0.0.1", bench.proxy.port())).unwrap();
    let startup = format!("user\0postgres\0database\0{}\0\0", bench.database.name());
    let mut packet = (startup.len() as u32 + 8).to_be_bytes().to_vec();
    packet.extend_from_slice(&[0, 3, 0, 0]);
    packet.extend_from_slice(startup.as_bytes());
    packet.extend_from_slice(&message_of(b'Q', b"SELECT repeat('x', 1000)\0"));
    std::io::Write::write_all(&mut session, &packet).unwrap();
    let mut all = Vec::new();
    std::io::Read::read_to_end(&mut session, &mut all).unwrap();
    assert_eq!(all.len(), 400);
}

#[test]
fn a_cut_at_a_byte_of_the_client_leaves_nothing_of_the_copy() {
    let bench = Bench::new();
    let offset = message_of(b'Q', b"COPY t FROM STDIN\0").len() as u64 + 8;
    bench.add(Trigger::bytes_from_client(offset), Action::Cut(Close::Rst));
    let mut session = bench.connect();
    session.query("COPY t FROM STDIN").unwrap();
    session.send(&copy_data("1\n2\n3\n")).unwrap();
    assert!(session.read().is_err());
    assert_eq!(bench.count_becomes(0), 0);
}

#[test]
fn a_trigger_looks_at_the_application_and_counts_occurrences() {
    let bench = Bench::new();
    let trigger = Trigger::frontend(Frontend::CopyData)
        .nth(2)
        .application("lane/2");
    let handle = bench.add(trigger, Action::Cut(Close::Fin));
    let mut one = bench.try_connect("test/lane/1").unwrap();
    let mut two = bench.try_connect("test/lane/2").unwrap();
    for session in [&mut one, &mut two] {
        session.query("COPY t FROM STDIN").unwrap();
        session.send(&copy_data("1\n")).unwrap();
        let _ = session.send(&copy_data("2\n"));
        let _ = session.send(&message_of(b'c', b""));
    }
    assert_eq!(outcome(&one.until_ready().unwrap()), "COPY 2");
    assert!(two.until_ready().is_err());
    assert_eq!(handle.fired(), 1);
}

#[test]
fn a_fault_may_be_bound_to_one_connection() {
    let bench = Bench::new();
    bench.add(Trigger::query("SELECT").on_connection(2), error("54000"));
    let (mut one, mut two) = (bench.connect(), bench.connect());
    assert_eq!(one.outcome("SELECT 1"), "SELECT 1");
    assert_eq!(two.outcome("SELECT 1"), "54000");
}

#[test]
fn a_connection_may_be_answered_late_or_never() {
    let bench = Bench::new();
    bench.add(Trigger::connect(), Action::StallReading(SECOND));
    let start = Instant::now();
    bench.connect();
    assert!(start.elapsed() >= SECOND);
    bench.add(Trigger::connect(), Action::HalfOpen(SECOND));
    let start = Instant::now();
    assert!(bench.try_connect("test").is_err());
    assert!(start.elapsed() >= SECOND, "silence, then the end");
}

#[test]
fn an_application_that_is_set_later_counts_too() {
    let bench = Bench::new();
    bench.add(
        Trigger::query("SELECT").application("lane/7"),
        error("54000"),
    );
    let mut session = bench.connect();
    assert_eq!(session.outcome("SELECT 1"), "SELECT 1");
    session.outcome("SET application_name = 'wire9/run/lane/7'");
    assert_eq!(session.outcome("SELECT 1"), "54000");
}

#[test]
fn half_open_is_silent_for_the_client_while_the_server_keeps_its_transaction() {
    let bench = Bench::new();
    bench.add(Trigger::query("silence"), Action::HalfOpen(2 * SECOND));
    let mut session = bench.connect();
    session.outcome("BEGIN; INSERT INTO t VALUES (1)");
    let silence = message_of(b'Q', b"SELECT 'silence'\0");
    session.send(&silence).unwrap();
    session.tcp.set_read_timeout(Some(SECOND / 2)).unwrap();
    let kind = session.read().unwrap_err().kind();
    assert!(
        matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{kind:?}"
    );
    drop(session);
    assert_eq!(bench.sessions("idle in transaction"), 1);
    assert!(bench.sessions_become("%", 0), "and gives it up in the end");
}

#[test]
fn stalls_take_as_long_as_they_say() {
    for (trigger, action) in [
        (Trigger::query("wait"), Action::StallReading(SECOND)),
        (Trigger::query("wait"), Action::StallWriting(SECOND)),
        (
            Trigger::backend(Backend::DataRow),
            Action::StallWriting(SECOND),
        ),
    ] {
        let bench = Bench::new();
        bench.add(trigger, action.clone());
        let mut session = bench.connect();
        let start = Instant::now();
        assert_eq!(session.value("SELECT 'wait'"), "wait");
        let took = start.elapsed();
        assert!(took >= SECOND && took < 3 * SECOND, "{action:?}: {took:?}");
        let start = Instant::now();
        assert_eq!(session.value("SELECT 'again'"), "again");
        assert!(start.elapsed() < SECOND, "a stall ends");
    }
}

#[test]
fn a_stalled_reader_lets_the_client_fill_its_buffers() {
    let bench = Bench::new();
    let stall = Action::StallReading(2 * SECOND);
    bench.add(Trigger::frontend(Frontend::CopyData), stall);
    let mut session = bench.connect();
    session.query("COPY t FROM STDIN").unwrap();
    session.tcp.set_write_timeout(Some(SECOND / 2)).unwrap();
    let piece = copy_data(&"1\n".repeat(500_000));
    let blocked = (0..50).any(|_| session.send(&piece).is_err());
    assert!(blocked, "50 MB cannot fit into the buffers of a socket");
}

#[test]
fn bandwidth_and_latency_slow_a_connection_down() {
    let bench = Bench::new();
    bench.add(Trigger::query("slow"), Action::Bandwidth(100_000));
    let mut session = bench.connect();
    let start = Instant::now();
    assert_eq!(session.value("SELECT repeat('slow', 25000)").len(), 100_000);
    let took = start.elapsed();
    assert!(took > SECOND * 9 / 10 && took < SECOND * 3, "{took:?}");

    bench.add(Trigger::query("far"), Action::Latency(SECOND / 5));
    let mut session = bench.connect();
    session.value("SELECT 'far'");
    let start = Instant::now();
    (0..5).for_each(|_| drop(session.value("SELECT 1")));
    let took = start.elapsed();
    assert!(took > SECOND && took < SECOND * 3, "{took:?}");
}

#[test]
fn an_error_in_mid_copy_fails_the_transaction_in_the_server() {
    let bench = Bench::new();
    bench.add(Trigger::frontend(Frontend::CopyData).nth(2), error("53100"));
    let mut session = bench.connect();
    session.outcome("BEGIN");
    session.query("COPY t FROM STDIN").unwrap();
    for _ in 0..5 {
        session.send(&copy_data("1\n")).unwrap();
    }
    session.send(&message_of(b'c', b"")).unwrap();
    let answer = session.until_ready().unwrap();
    assert_eq!((outcome(&answer).as_str(), status(&answer)), ("53100", 'E'));
    assert_eq!(session.outcome("COMMIT"), "ROLLBACK");
    assert_eq!(bench.count(), 0);
}

#[test]
fn a_server_that_reports_an_error_may_be_deaf_for_the_rest() {
    let bench = Bench::new();
    let message = "disk full".to_owned();
    let action = Action::Error {
        sqlstate: "53100".to_owned(),
        message,
        deaf: SECOND,
    };
    bench.add(Trigger::frontend(Frontend::CopyData), action);
    let mut session = bench.connect();
    session.query("COPY t FROM STDIN").unwrap();
    let start = Instant::now();
    session.send(&copy_data("1\n")).unwrap();
    let answer = session.until_ready().unwrap();
    assert_eq!((outcome(&answer).as_str(), status(&answer)), ("53100", 'I'));
    assert!(start.elapsed() < SECOND, "the error comes at once");
    session.value("SELECT 1");
    assert!(start.elapsed() >= SECOND, "and nothing is read meanwhile");
}

#[test]
fn an_error_at_any_message_of_a_request_is_the_servers_own() {
    for kind in [Frontend::Parse, Frontend::Bind, Frontend::Execute] {
        let bench = Bench::new();
        bench.add(Trigger::frontend(kind), error("40P01"));
        let mut session = bench.connect();
        session.outcome("BEGIN");
        for _ in 0..2 {
            session
                .send(&message_of(b'P', b"\0SELECT 1\0\0\0"))
                .unwrap();
            session
                .send(&message_of(b'B', b"\0\0\0\0\0\0\0\0"))
                .unwrap();
            session.send(&message_of(b'E', b"\0\0\0\0\0")).unwrap();
            session.send(&message_of(b'S', b"")).unwrap();
        }
        let answer = session.until_ready().unwrap();
        assert_eq!(
            (outcome(&answer).as_str(), status(&answer)),
            ("40P01", 'E'),
            "{kind:?}"
        );
        assert_eq!(
            outcome(&session.until_ready().unwrap()),
            "25P02",
            "{kind:?}"
        );
    }
}

#[test]
fn an_error_can_take_the_place_of_any_answer() {
    let bench = Bench::new();
    bench.add(Trigger::command_complete("COPY"), error("XX000"));
    let mut session = bench.connect();
    assert_eq!(
        outcome(&session.copy("COPY t FROM STDIN", "1\n").unwrap()),
        "XX000"
    );
    assert_eq!(bench.count(), 1);
}

#[test]
fn a_fatal_error_is_the_last_word_of_the_server() {
    for trigger in [
        Trigger::query("INSERT"),
        Trigger::command_complete("INSERT"),
    ] {
        let bench = Bench::new();
        let message = "terminating connection due to administrator command".to_owned();
        bench.add(
            trigger,
            Action::Fatal {
                sqlstate: "57P01".to_owned(),
                message,
            },
        );
        let mut session = bench.connect();
        session.outcome("BEGIN");
        session
            .send(&message_of(b'Q', b"INSERT INTO t VALUES (1)\0"))
            .unwrap();
        let last = session.read().unwrap();
        assert_eq!((last.tag, last.field(b'C').as_str()), ('E', "57P01"));
        assert!(session.read().is_err());
        assert_eq!(bench.count_becomes(0), 0);
        assert!(bench.sessions_become("%", 0));
    }
}

#[test]
fn notices_and_parameters_come_in_mid_copy() {
    let bench = Bench::new();
    bench.add(Trigger::frontend(Frontend::CopyData), Action::Notices(4));
    let mut session = bench.connect();
    session.query("COPY t FROM STDIN").unwrap();
    session.send(&copy_data("1\n")).unwrap();
    let tags: String = (0..4).map(|_| session.read().unwrap().tag).collect();
    assert_eq!(tags, "NSNS");
    session.send(&message_of(b'c', b"")).unwrap();
    assert_eq!(outcome(&session.until_ready().unwrap()), "COPY 1");

    bench.add(
        Trigger::backend(Backend::CopyData).nth(1),
        Action::Notices(2),
    );
    let answer = session.query("COPY t TO STDOUT").unwrap();
    let tags: String = answer.iter().map(|message| message.tag).collect();
    assert_eq!(tags, "HNSdcCZ");
}

#[test]
fn a_row_count_can_be_wrong() {
    let bench = Bench::new();
    bench.add(Trigger::command_complete("COPY"), Action::WrongCount(-1));
    let mut session = bench.connect();
    assert_eq!(
        outcome(&session.copy("COPY t FROM STDIN", "1\n2\n").unwrap()),
        "COPY 1"
    );
    assert_eq!(bench.count(), 2);
}

#[test]
fn copy_data_of_the_server_is_cut_anew_at_any_byte() {
    for sizes in [vec![1], vec![3, 0, 1], vec![1000], vec![7, 2]] {
        let bench = Bench::new();
        bench.add(Trigger::query("COPY"), Action::Recut(sizes.clone()));
        let mut session = bench.connect();
        session.outcome("INSERT INTO t SELECT g FROM generate_series(1, 50) g");
        let answer = session.query("COPY t TO STDOUT").unwrap();
        let pieces: Vec<_> = answer
            .iter()
            .filter(|m| m.tag == 'd')
            .map(|m| &m.body)
            .collect();
        let whole: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
        let expected: String = (1..=50).map(|n| format!("{n}\n")).collect();
        assert_eq!(String::from_utf8(whole).unwrap(), expected, "{sizes:?}");
        assert!(pieces.len() != 50, "{sizes:?}: not one row per message");
        for (piece, size) in pieces
            .iter()
            .zip(sizes.iter().cycle())
            .take(pieces.len() - 1)
        {
            assert_eq!(piece.len(), *size, "{sizes:?}");
        }
    }
}

#[test]
fn a_commit_answered_with_an_error_may_have_happened_or_not() {
    for committed in [false, true] {
        for sqlstate in ["40001", "XX000"] {
            let bench = Bench::new();
            let sqlstate = sqlstate.to_owned();
            let action = Action::CommitFails {
                sqlstate: sqlstate.clone(),
                committed,
            };
            bench.add(Trigger::commit(), action);
            let mut session = bench.connect();
            session.outcome("BEGIN");
            let answer = session.query("INSERT INTO t VALUES (1); COMMIT").unwrap();
            assert_eq!((outcome(&answer), status(&answer)), (sqlstate, 'I'));
            assert_eq!(bench.count(), u64::from(committed));
            session.outcome("BEGIN; INSERT INTO t VALUES (1)");
            assert_eq!(session.outcome("COMMIT"), "COMMIT", "it happens once");
        }
    }
}

#[test]
fn a_commit_can_be_answered_with_rollback_and_without_an_error() {
    let bench = Bench::new();
    bench.add(Trigger::commit(), Action::CommitRollsBack);
    let mut session = bench.connect();
    session.outcome("BEGIN");
    let answer = session.query("INSERT INTO t VALUES (1); COMMIT").unwrap();
    assert_eq!(
        (outcome(&answer).as_str(), status(&answer)),
        ("ROLLBACK", 'I')
    );
    assert_eq!(bench.count(), 0);
    session.outcome("BEGIN; INSERT INTO t VALUES (1)");
    assert_eq!(session.outcome("COMMIT"), "COMMIT", "it happens once");
}

#[test]
fn data_of_either_side_can_be_lost_without_a_word() {
    let bench = Bench::new();
    bench.add(
        Trigger::frontend(Frontend::CopyData).nth(2),
        Action::LoseData,
    );
    let mut session = bench.connect();
    session.query("COPY t FROM STDIN").unwrap();
    for rows in ["1\n", "2\n", "3\n"] {
        session.send(&copy_data(rows)).unwrap();
    }
    session.send(&message_of(b'c', b"")).unwrap();
    assert_eq!(outcome(&session.until_ready().unwrap()), "COPY 2");
    assert_eq!(session.value("SELECT sum(a) FROM t"), "4");

    bench.add(Trigger::backend(Backend::CopyData), Action::LoseData);
    let answer = session.query("COPY t TO STDOUT").unwrap();
    assert_eq!(
        answer.iter().filter(|message| message.tag == 'd').count(),
        1
    );
    assert_eq!(
        outcome(&answer),
        "COPY 2",
        "the server counts what it has sent"
    );
}

#[test]
fn commit_then_cut_loses_the_answer_and_not_the_rows() {
    let bench = Bench::new();
    bench.add(
        Trigger::commit_containing("COMMIT"),
        Action::CommitThenCut(Close::Rst),
    );
    let mut session = bench.connect();
    session.outcome("BEGIN; INSERT INTO t VALUES (1)");
    let lost = session.query("UPDATE t SET a = 2; COMMIT").unwrap_err();
    assert!(matches!(
        lost.kind(),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
    ));
    assert_eq!(bench.count_becomes(1), 1);
    let a: u32 = bench.database.query_value("SELECT a FROM t").unwrap();
    assert_eq!(a, 2);
}

/// Cuts a client at its COMMIT; what the server makes of it comes later.
fn late_commit(delivery: Delivery) -> (Bench, FaultHandle) {
    let bench = Bench::new();
    let action = Action::CutThenDeliver {
        delivery,
        close: Close::Fin,
    };
    let handle = bench.add(Trigger::commit(), action);
    let mut session = bench.connect();
    session.outcome("BEGIN; INSERT INTO t VALUES (1)");
    assert!(session.query("COMMIT").is_err());
    assert_eq!((bench.count(), handle.delivered()), (0, None));
    (bench, handle)
}

#[test]
fn a_commit_can_be_delivered_after_a_time() {
    let start = Instant::now();
    let (bench, handle) = late_commit(Delivery::After(SECOND));
    assert_eq!(handle.wait_delivered(5 * SECOND).as_deref(), Some("COMMIT"));
    assert!(start.elapsed() >= SECOND);
    assert_eq!(bench.count(), 1);
}

#[test]
fn a_commit_can_be_delivered_just_before_a_query_of_another_connection() {
    let (bench, handle) = late_commit(Delivery::BeforeQuery("count".to_owned()));
    let mut other = bench.connect();
    other.value("SELECT 1");
    assert_eq!(handle.delivered(), None);
    assert_eq!(other.value("SELECT count(*) FROM t"), "1");
    assert_eq!(handle.delivered().as_deref(), Some("COMMIT"));
}

#[test]
fn a_commit_can_be_delivered_after_another_connection_has_looked() {
    let (bench, handle) = late_commit(Delivery::AfterAnswer("count".to_owned()));
    let mut other = bench.connect();
    assert_eq!(other.value("SELECT count(*) FROM t"), "0");
    assert_eq!(handle.delivered().as_deref(), Some("COMMIT"));
    assert_eq!(other.value("SELECT count(*) FROM t"), "1");
}

#[test]
fn a_commit_can_be_delivered_while_another_connection_loads() {
    let (bench, handle) = late_commit(Delivery::DuringCopy);
    let mut other = bench.connect();
    other.query("COPY t FROM STDIN").unwrap();
    assert_eq!(handle.delivered(), None);
    other.send(&copy_data("2\n")).unwrap();
    assert_eq!(handle.wait_delivered(5 * SECOND).as_deref(), Some("COMMIT"));
    other.send(&message_of(b'c', b"")).unwrap();
    assert_eq!(outcome(&other.until_ready().unwrap()), "COPY 1");
    assert_eq!(bench.count(), 2);
}

#[test]
fn a_late_commit_that_is_defeated_says_so() {
    let (bench, handle) = late_commit(Delivery::BeforeQuery("now".to_owned()));
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE application_name = 'test' AND state = 'idle in transaction'
               AND datname = current_database()";
    assert_eq!(bench.database.query_value::<u32>(end).unwrap(), 1);
    let mut other = bench.connect();
    other.value("SELECT 'now'");
    let outcome = handle.wait_delivered(5 * SECOND).expect("an outcome");
    assert!(
        matches!(outcome.as_str(), "57P01" | "connection closed"),
        "{outcome}"
    );
    assert_eq!(bench.count(), 0);
}

#[test]
fn a_late_commit_that_was_never_delivered_is_an_unused_fault() {
    let (bench, _) = late_commit(Delivery::BeforeQuery("never".to_owned()));
    assert_eq!(bench.proxy.faults().unused().len(), 1);
    bench.proxy.faults().disarm();
}

#[test]
fn the_stand_in_has_the_same_faults_behind_its_tls() {
    let standin = Standin::start(StandinOptions::default()).expect("start");
    let mut session = Raw::standin(&standin);
    session.outcome("CREATE TABLE t (a int)");
    let commit_then_cut = Fault::new(Trigger::commit(), Action::CommitThenCut(Close::Fin));
    standin.faults().add(commit_then_cut);
    session.outcome("BEGIN");
    assert_eq!(
        outcome(&session.copy("COPY t FROM STDIN", "1\n").unwrap()),
        "COPY 1"
    );
    assert!(session.query("COMMIT").is_err());
    assert_eq!(standin.database().count("t").expect("count"), 1);
    standin.faults().assert_used();
}

#[test]
fn a_cancel_request_reaches_the_server() {
    let bench = Bench::new();
    let uri = bench.proxy.uri().to_owned();
    let mut client = postgres::Client::connect(&uri, postgres::NoTls).expect("connect");
    let token = client.cancel_token();
    let cancel = std::thread::spawn(move || {
        std::thread::sleep(SECOND / 2);
        token.cancel_query(postgres::NoTls)
    });
    let error = client.batch_execute("SELECT pg_sleep(20)").unwrap_err();
    assert_eq!(
        error.code(),
        Some(&postgres::error::SqlState::QUERY_CANCELED)
    );
    cancel.join().unwrap().expect("cancel");
}

#[test]
fn a_commit_fails_as_told_after_a_copy_over_the_extended_protocol() {
    let bench = Bench::new();
    let action = Action::CommitFails {
        sqlstate: "40001".to_owned(),
        committed: false,
    };
    bench.add(Trigger::commit(), action);
    let mut client = postgres::Client::connect(bench.proxy.uri(), postgres::NoTls).unwrap();
    client.batch_execute("BEGIN").unwrap();
    let mut copy = client.copy_in("COPY t FROM STDIN").unwrap();
    std::io::Write::write_all(&mut copy, b"1\n").unwrap();
    assert_eq!(copy.finish().unwrap(), 1);
    let failed = client.batch_execute("COMMIT").unwrap_err();
    assert_eq!(failed.code().map(|code| code.code()), Some("40001"));
    assert_eq!(bench.count(), 0);
}

#[test]
fn a_large_load_does_not_wait_for_the_proxy() {
    // Not a benchmark: it notices a proxy that handles a megabyte per second or keeps everything.
    let bench = Bench::new();
    let mut session = bench.connect();
    session.query("COPY t FROM STDIN").unwrap();
    let start = Instant::now();
    let piece = copy_data(&"1234567\n".repeat(8192));
    (0..400).for_each(|_| session.send(&piece).unwrap());
    session.send(&message_of(b'c', b"")).unwrap();
    assert_eq!(outcome(&session.until_ready().unwrap()), "COPY 3276800");
    assert!(start.elapsed() < 20 * SECOND, "{:?}", start.elapsed());
}
