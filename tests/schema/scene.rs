//! Sources, targets and the program between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use testenv::sample::{self, Everything};
use testenv::standin::{Limits, NarrowTypes};
use testenv::{Cluster, ClusterOptions, Database, Installation, Standin, StandinOptions, client};

use crate::harness::{Run, Wire9, targets};

/// The databases that testenv can fill.
pub(crate) const SAMPLES: [&str; 4] = ["planted", "everything", "shop", "chinook"];

/// A source filled with one of [`SAMPLES`].
pub(crate) fn sample(name: &str) -> Database {
    sample_on(Cluster::shared(), name)
}

/// The same on a certain cluster.
pub(crate) fn sample_on(cluster: &Cluster, name: &str) -> Database {
    let source = cluster.database(name).expect("a database");
    let filled = match name {
        "planted" => sample::planted(&source),
        "everything" => sample::everything(&source, Everything::QUICK),
        "shop" => sample::shop(&source, 0.001),
        "chinook" => sample::chinook(&source),
        other => panic!("there is no sample {other}"),
    };
    filled.expect(name);
    source
}

/// PostgreSQL 15, whatever the shared cluster is: what is planted differs between versions.
pub(crate) fn fifteen() -> &'static Cluster {
    static FIFTEEN: OnceLock<Cluster> = OnceLock::new();
    FIFTEEN.get_or_init(|| match Cluster::shared() {
        shared if shared.version() == 15 => shared.clone(),
        _ => Cluster::start(ClusterOptions::new().major(15)).expect("PostgreSQL 15 starts"),
    })
}

/// A source of these statements.
pub(crate) fn source(statements: &str) -> Database {
    let source = Cluster::shared().database("source").expect("a database");
    source.execute(statements).expect("the source is filled");
    source
}

/// A stand-in with these limits.
pub(crate) fn standin(limits: Limits) -> Standin {
    let options = StandinOptions {
        limits,
        cluster: Some(targets().clone()),
        ..StandinOptions::default()
    };
    Standin::start(options).expect("a stand-in")
}

/// The stand-ins that differ in what they take.
pub(crate) fn all_limits() -> Vec<(&'static str, Limits)> {
    let aliased = Limits {
        narrow_types: NarrowTypes::Aliased,
        ..Limits::default()
    };
    let inet = Limits {
        inet_and_int4range: true,
        ..Limits::default()
    };
    let secure = Limits {
        row_level_security: true,
        ..Limits::default()
    };
    vec![
        ("default", Limits::default()),
        ("strictest", Limits::strictest()),
        ("latest", Limits::latest()),
        ("aliased", aliased),
        ("inet", inet),
        ("row security", secure),
    ]
}

/// `wire9 COMMAND --postgres URI [--db9 URI]`.
pub(crate) fn command(command: &str, source: &Database, target: Option<&Standin>) -> Wire9 {
    let run = Wire9::bare().args(&[command, "--postgres", &source.uri()]);
    match target {
        Some(target) => run.args(&["--db9", &target.uri()]),
        None => run,
    }
}

/// What `wire9 schema` prints for this target.
pub(crate) fn printed(source: &Database, target: Option<&Standin>) -> String {
    let run = command("schema", source, target).arg("--quiet").run();
    run.ends_with(0).stdout
}

/// A finding of a check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) severity: String,
    pub(crate) id: String,
    pub(crate) object: String,
    pub(crate) count: u64,
    pub(crate) detail: String,
}

/// What `wire9 check` finds, sorted; it ends as its findings say.
pub(crate) fn findings(source: &Database, target: Option<&Standin>) -> Vec<Found> {
    let run = command("check", source, target).args(&["--format", "json", "--quiet"]);
    found(&run.run())
}

/// The findings of a run that printed JSON.
pub(crate) fn found(run: &Run) -> Vec<Found> {
    assert!(
        matches!(run.code, Some(0 | 8 | 9)),
        "{:?}: {}",
        run.code,
        run.stderr
    );
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let all = report["findings"].as_array().expect("a list");
    let text = |finding: &Value, field: &str| finding[field].as_str().expect("text").to_owned();
    let mut all: Vec<Found> = all
        .iter()
        .map(|finding| Found {
            severity: text(finding, "severity"),
            id: text(finding, "id"),
            object: text(finding, "object"),
            count: finding["count"].as_u64().expect("a number"),
            detail: text(finding, "detail"),
        })
        .collect();
    all.sort();
    all
}

/// How many findings there are of each id.
pub(crate) fn by_id(found: &[Found]) -> BTreeMap<&str, usize> {
    let mut counted = BTreeMap::new();
    for finding in found {
        *counted.entry(finding.id.as_str()).or_default() += 1;
    }
    counted
}

/// A plain dump of a database as a file of this folder: its path.
pub(crate) fn dumped(source: &Database, folder: &Path) -> String {
    let dump = Command::new(pg_dump()).arg(source.uri()).output();
    let dump = dump.expect("pg_dump runs");
    let said = String::from_utf8_lossy(&dump.stderr);
    assert!(dump.status.success(), "{said}");
    let file = folder.join("dump.sql");
    std::fs::write(&file, &dump.stdout).expect("it can be written");
    file.to_string_lossy().into_owned()
}

/// The newest `pg_dump` of this machine: an older one refuses a newer server.
fn pg_dump() -> PathBuf {
    let found = Installation::all().into_iter();
    let found = found.map(|server| server.bin.join("pg_dump"));
    let usual = |major: u32| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/pg_dump"));
    let mut found = found.chain((13..=18).rev().map(usual));
    found
        .find(|path| path.is_file())
        .expect("pg_dump is installed")
}

/// Applies a script through the front door, one statement at a time; each that is refused, with why.
pub(crate) fn refused(target: &Standin, script: &str) -> Vec<(String, String)> {
    refused_by(&target.uri(), script)
}

/// The same of any server.
pub(crate) fn refused_by(uri: &str, script: &str) -> Vec<(String, String)> {
    let mut client = client::connect(uri).expect("the server lets it in");
    let mut refused = Vec::new();
    for statement in statements(script) {
        if let Err(error) = client.batch_execute(&statement) {
            let why = error.as_db_error().map(ToString::to_string);
            refused.push((statement, why.unwrap_or_else(|| error.to_string())));
        }
    }
    refused
}

/// The statements of a script: cut at semicolons outside of quotes, dollar quotes and comments.
pub(crate) fn statements(script: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut begin = 0;
    let mut at = 0;
    while at < script.len() {
        let rest = &script[at..];
        at += match rest.as_bytes()[0] {
            b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            b'\'' if is_escape_string(&script[..at]) => escape_string(rest),
            quote @ (b'\'' | b'"') => {
                1 + rest[1..].find(char::from(quote)).expect("a quote ends") + 1
            }
            b'$' => dollar_quoted(rest),
            b'B' if rest.starts_with("BEGIN ATOMIC") => {
                rest.find("\nEND").expect("a body ends") + "\nEND".len()
            }
            b';' => {
                all.push(script[begin..at].trim().to_owned());
                begin = at + 1;
                1
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    all.retain(|statement| !statement.is_empty());
    all
}

/// Whether a quote that follows this opens an `E'…'`.
fn is_escape_string(before: &str) -> bool {
    let mut last = before.chars().rev();
    let e = last.next().is_some_and(|c| matches!(c, 'E' | 'e'));
    e && last
        .next()
        .is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"')
}

fn escape_string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'\'' => return at + 1,
            _ => {}
        }
    }
    panic!("an escape string ends")
}

fn dollar_quoted(rest: &str) -> usize {
    let Some(tag) = rest[1..].find('$').map(|end| &rest[..end + 2]) else {
        return 1;
    };
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    if !tag[1..tag.len() - 1].chars().all(plain) {
        return 1;
    }
    let end = rest[tag.len()..].find(tag).expect("a dollar quote ends");
    end + 2 * tag.len()
}
