//! The real binary: what it answers, on which stream, with which exit code.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program without the surroundings of whoever runs the tests.
fn wire9(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wire9"));
    command.args(arguments).stdin(Stdio::null());
    for name in [
        "WIRE9_POSTGRES",
        "WIRE9_DB9",
        "PGHOST",
        "PGPORT",
        "PGPASSWORD",
        "PGUSER",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    output(&mut wire9(arguments))
}

fn output(command: &mut Command) -> Output {
    command.output().expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

/// stderr of a run that must end with this code and say nothing on stdout.
fn refused(output: &Output, code: i32) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(text(&output.stdout), "", "{stderr}");
    stderr
}

/// A port of this machine that nobody listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

const URI: &str = "postgresql://u@127.0.0.1:1/d";

#[test]
fn help_goes_to_stdout_and_lists_every_exit_code() {
    for arguments in [
        &["--help"][..],
        &["check", "--help"],
        &["copy", "--help"],
        &["migrate", "--help"],
        &["schema", "--help"],
        &["verify", "--help"],
        &["probe", "--help"],
        &["status", "--help"],
        &["clean", "--help"],
    ] {
        let output = run(arguments);
        let stdout = text(&output.stdout);
        assert_eq!(
            (output.status.code(), text(&output.stderr).as_str()),
            (Some(0), "")
        );
        for code in ["  0  done", "  6  mismatch", "130  interrupted"] {
            assert!(
                stdout.contains(code),
                "{arguments:?} lacks {code}: {stdout}"
            );
        }
    }
}

#[test]
fn every_argument_of_copy_has_one_sentence_with_its_default() {
    assert_eq!(
        arguments_with_defaults("copy", &["--postgres", "--db9"]),
        27
    );
}

#[test]
fn every_argument_of_check_has_one_sentence_with_its_default() {
    assert_eq!(arguments_with_defaults("check", &["--postgres"]), 17);
}

#[test]
fn every_argument_of_schema_and_migrate_has_one_sentence_with_its_default() {
    let migrate = arguments_with_defaults("migrate", &["--postgres", "--db9"]);
    let schema = arguments_with_defaults("schema", &["--postgres"]);
    assert_eq!((migrate, schema), (36, 18));
}

#[test]
fn every_argument_about_the_ledger_has_one_sentence_with_its_default() {
    assert_eq!(arguments_with_defaults("status", &["--db9"]), 4);
    assert_eq!(arguments_with_defaults("clean", &["--db9"]), 4);
}

/// How many arguments a command has; each that may be left out must say its default.
fn arguments_with_defaults(command: &str, required: &[&str]) -> usize {
    let output = run(&[command, "--help"]);
    let help = text(&output.stdout);
    let mut seen = 0;
    for option in help
        .lines()
        .filter(|line| line.trim_start().starts_with("--"))
    {
        let after = help
            .split(option)
            .nth(1)
            .expect("the option is in the help");
        // A short one has its sentence, or the beginning of it, on its own line.
        let own: String = std::iter::once(option)
            .chain(after.lines())
            .take_while(|l| *l == option || !l.trim_start().starts_with("--"))
            .collect();
        let required = required.iter().any(|r| option.contains(&format!("{r} <")));
        assert!(required || own.contains("default:"), "no default: {option}");
        seen += 1;
    }
    seen
}

#[test]
fn the_version_is_one_line() {
    let output = run(&["--version"]);
    let expected = format!("wire9 {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), expected)
    );
}

#[test]
fn arguments_that_make_no_sense_are_usage_errors_that_name_the_argument() {
    for (arguments, named) in [
        (&["--jobs", "0"][..], "--jobs"),
        (&["--jobs", "257"], "--jobs"),
        (&["--max-memory", "lots"], "--max-memory"),
        (&["--max-memory", "1MiB", "--jobs", "8"], "at least 4MiB"),
        (&["--fraction-digits", "7"], "--fraction-digits"),
        (&["--io-timeout", "0"], "--io-timeout"),
        (&["--on-existing", "drop"], "append"),
        (&["--where", "orders"], "--where"),
        (&["--table", ""], "--table"),
        (
            &["--profile", "/no/such/profile.toml"],
            "/no/such/profile.toml",
        ),
        (
            &["--report", "/no/such/folder/r.json"],
            "/no/such/folder/r.json",
        ),
        (&["--no-such-option"], "--no-such-option"),
    ] {
        let mut all = vec!["copy", "--postgres", URI, "--db9", URI];
        all.extend(arguments);
        let stderr = refused(&run(&all), 2);
        assert!(stderr.contains(named), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
    }
}

#[test]
fn endpoints_that_are_missing_are_usage_errors() {
    let stderr = refused(&run(&["copy"]), 2);
    assert!(
        stderr.contains("--postgres") && stderr.contains("--db9"),
        "{stderr}"
    );
    assert!(
        stderr.ends_with("WIRE9_POSTGRES and WIRE9_DB9.\n"),
        "{stderr}"
    );
    refused(&run(&["probe"]), 2);
    refused(&run(&["check"]), 2);
    refused(&run(&[]), 2);
}

#[test]
fn a_password_in_the_wrong_place_is_never_echoed() {
    for arguments in [
        &["copy", "postgresql://u:s3cret@h/d"][..],
        &["copy", "--jobs", "postgresql://u:s3cret@h/d"],
        &["copy", "--postgres", "host=h", "password=s3cret"],
        &["postgresql://u:s3cret@h/d"],
        &[
            "copy",
            "--postgres",
            "postgresql://u:s3cret@h:x/d",
            "--db9",
            URI,
        ],
        &[
            "copy",
            "--postgres",
            "host=h password='s3cret",
            "--db9",
            URI,
        ],
    ] {
        let stderr = refused(&run(arguments), 2);
        assert!(!stderr.contains("s3cret"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn help_does_not_show_what_the_environment_holds() {
    let mut command = wire9(&["copy", "--help"]);
    command.env("WIRE9_DB9", "postgresql://u:s3cret@h/d");
    let output = output(&mut command);
    let help = text(&output.stdout);
    assert!(
        help.contains("WIRE9_DB9") && !help.contains("s3cret"),
        "{help}"
    );
}

#[test]
fn endpoints_may_come_from_the_environment() {
    let uri = format!("postgresql://u:s3cret@127.0.0.1:{}/d", closed_port());
    let mut command = wire9(&["copy", "--quiet"]);
    command.env("WIRE9_POSTGRES", &uri).env("WIRE9_DB9", &uri);
    let stderr = refused(&output(&mut command), 3);
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn a_host_that_can_not_be_reached_is_said_once_and_reported() {
    let uri = format!("postgresql://u@127.0.0.1:{}/d", closed_port());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let report = folder.join(format!("unreachable-{}.json", std::process::id()));
    let path = report.to_str().expect("the folder's name is UTF-8");
    let output = run(&[
        "copy",
        "--quiet",
        "--postgres",
        &uri,
        "--db9",
        &uri,
        "--report",
        path,
    ]);
    let stderr = refused(&output, 3);
    assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    assert!(stderr.contains("127.0.0.1"), "{stderr}");
    let written = std::fs::read_to_string(&report).expect("the report was written");
    std::fs::remove_file(&report).expect("the report can be removed");
    let report: serde_json::Value = serde_json::from_str(&written).expect("it is JSON");
    assert_eq!(report["format"], "wire9-copy-report/1");
    assert_eq!(report["exit_code"], 3);
}

#[test]
fn a_log_has_no_escape_codes() {
    let uri = format!("postgresql://u@127.0.0.1:{}/d", closed_port());
    let mut command = wire9(&["copy", "--postgres", &uri, "--db9", &uri]);
    command
        .env("TERM", "xterm-256color")
        .env("CLICOLOR_FORCE", "1");
    let stderr = refused(&output(&mut command), 3);
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}

#[test]
fn probing_a_host_that_can_not_be_reached_is_a_connection_error() {
    let uri = format!("postgresql://u@127.0.0.1:{}/d", closed_port());
    refused(&run(&["probe", "--db9", &uri]), 3);
}
