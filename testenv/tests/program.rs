//! The program `testenv`, from outside: what it prints, and that it leaves nothing behind.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Running {
    process: Child,
    postgres: String,
    db9: String,
}

fn up(arguments: &[&str]) -> Running {
    // A shell without job control starts what it puts into the background with SIGINT ignored, and
    // children inherit that: here as at a terminal, the signal means what it says.
    let mut process = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_testenv"), "up"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start testenv");
    let mut lines = BufReader::new(process.stdout.take().expect("stdout")).lines();
    let mut uri = |name: &str| {
        let Some(line) = lines.next() else {
            panic!("it ended: {:?}", process.wait())
        };
        let line = line.expect("text");
        line.strip_prefix(name)
            .unwrap_or_else(|| panic!("{line}"))
            .to_string()
    };
    let (postgres, db9) = (uri("postgres="), uri("db9="));
    Running {
        process,
        postgres,
        db9,
    }
}

/// The first value of a query, over TCP.
fn value(uri: &str, sql: &str) -> String {
    let mut client = testenv::client::connect(uri).expect("connect");
    client.query_one(sql, &[]).expect("query").get(0)
}

/// The cluster's folder is where its socket is.
fn folder(uri: &str) -> PathBuf {
    value(uri, "SELECT current_setting('unix_socket_directories')").into()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn up_gives_two_servers_and_enter_removes_them() {
    let mut running = up(&["--sample", "chinook"]);
    assert_eq!(
        value(&running.postgres, "SELECT count(*)::text FROM track"),
        "3503"
    );
    assert_eq!(value(&running.db9, "SELECT count(*)::text FROM track"), "0");
    let folder = folder(&running.postgres);
    assert!(folder.exists());
    running
        .process
        .stdin
        .take()
        .expect("stdin")
        .write_all(b"\n")
        .expect("press Enter");
    assert!(running.process.wait().expect("wait").success());
    assert!(!folder.exists());
}

#[test]
fn nothing_is_left_after_kill_minus_nine() {
    let mut running = up(&["--factor", "0.01"]);
    let folder = folder(&running.postgres);
    assert!(folder.join("data/postmaster.pid").exists());
    running.process.kill().expect("SIGKILL");
    running.process.wait().expect("wait");
    wait_until("the folder is still there", || !folder.exists());
    wait_until("the server still answers", || {
        testenv::client::connect(&running.postgres).is_err()
    });
}

#[test]
fn nothing_is_left_after_ctrl_c() {
    let mut running = up(&["--factor", "0.01"]);
    let folder = folder(&running.postgres);
    let process = running.process.id().to_string();
    Command::new("sh")
        .args(["-c", "kill -s INT $0", &process])
        .status()
        .expect("SIGINT");
    running.process.wait().expect("wait");
    wait_until("the folder is still there", || !folder.exists());
    wait_until("the server still answers", || {
        testenv::client::connect(&running.postgres).is_err()
    });
}

#[test]
fn compare_says_what_differs_and_ends_with_a_code() {
    let mut running = up(&["--sample", "chinook"]);
    let compared = |db9: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_testenv"))
            .args(["compare", "--postgres", &running.postgres, "--db9", db9])
            .output()
            .expect("run testenv");
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    let (code, text) = compared(&running.db9);
    assert_eq!(code, Some(6));
    assert!(
        text.contains("public.track: 3503 rows in the source, 0 in the target"),
        "{text}"
    );
    let (code, text) = compared(&running.postgres);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("EQUAL: 11 tables, 15607 rows"), "{text}");
    drop(running.process.stdin.take());
    running.process.kill().expect("end");
    running.process.wait().expect("wait");
}
