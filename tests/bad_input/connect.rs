//! Servers that can not be reached, are none, or do not take the user.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError::Timeout};
use std::thread;
use std::time::{Duration, Instant};

use testenv::fault::Close;
use testenv::{Action, Auth, Cluster, ClusterOptions, Fault, StandinOptions, Trigger};

use crate::harness::Wire9;
use crate::judged::{Judged as _, SECRET, copy, planted, planted_with, with_secret};

/// A cluster with SCRAM and TLS.
pub(crate) fn secured() -> &'static Cluster {
    static SECURED: OnceLock<Cluster> = OnceLock::new();
    let options = || ClusterOptions::new().auth(Auth::Scram).tls();
    SECURED.get_or_init(|| Cluster::start(options()).expect("a cluster starts"))
}

/// A port of this machine that nobody listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// A listener that does this with every connection; its port.
fn listener(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    port
}

#[test]
fn an_unreachable_target_is_named() {
    let pair = planted();
    let port = closed_port();
    let uri = format!("postgresql://t.admin:{SECRET}@127.0.0.1:{port}/postgres");
    let address = format!("127.0.0.1:{port}");
    Wire9::copy(&pair.source.uri(), &uri)
        .run()
        .fails(3, &["the target", &address, "refused"])
        .advises(&["host and port"]);
}

#[test]
fn an_unreachable_source_is_named() {
    let pair = planted();
    let port = closed_port();
    let uri = format!("postgresql://u:{SECRET}@127.0.0.1:{port}/d");
    let address = format!("127.0.0.1:{port}");
    Wire9::copy(&uri, &pair.standin.uri())
        .run()
        .fails(3, &["the source", &address, "refused"])
        .advises(&["host and port"]);
}

#[test]
fn an_unknown_host_is_named() {
    let uri = format!("postgresql://t.admin:{SECRET}@no-such-host.invalid:5433/postgres");
    Wire9::copy(&planted().source.uri(), &uri)
        .run()
        .fails(3, &["the target", "no-such-host.invalid:5433"])
        .advises(&["host and port"]);
}

#[test]
fn an_http_server_is_not_taken_for_a_database() {
    let port = listener(|mut stream| {
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let pair = planted();
    let uri = format!("postgresql://t.admin:{SECRET}@127.0.0.1:{port}/postgres");
    Wire9::copy(&pair.source.uri(), &uri)
        .run()
        .fails(3, &["the target", &port.to_string()])
        .advises(&["does a PostgreSQL or DB9 server listen there"]);
    let uri = format!("postgresql://u:{SECRET}@127.0.0.1:{port}/d?sslmode=disable");
    Wire9::copy(&uri, &pair.standin.uri())
        .run()
        .fails(3, &["the source", &port.to_string()])
        .advises(&["does a PostgreSQL or DB9 server listen there"]);
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let port = listener(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let uri = format!("postgresql://t.admin:{SECRET}@127.0.0.1:{port}/postgres?connect_timeout=2");
    Wire9::copy(&planted().source.uri(), &uri)
        .run()
        .fails(
            3,
            &["the target", &port.to_string(), "did not answer for 2s"],
        )
        .advises(&["host and port"]);
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let pair = planted();
    let wrong = pair.standin.uri_with(&format!("wrong-{SECRET}"));
    Wire9::copy(&pair.source.uri(), &wrong)
        .run()
        .fails(3, &["the target", "authentication", "tenant.admin"])
        .advises(&["user and password"]);
    let source = secured().uri("postgres");
    let (_, address) = source.split_once('@').expect("a URI with a user");
    let wrong = format!("postgresql://postgres:wrong-{SECRET}@{address}");
    Wire9::copy(&wrong, &pair.standin.uri())
        .run()
        .fails(3, &["the source", "authentication", "postgres"])
        .advises(&["user and password"]);
}

#[test]
fn an_expired_token_is_told_with_the_option_that_renews_it() {
    let pair = planted_with(StandinOptions {
        secret_lifetime: Some(Duration::ZERO),
        ..StandinOptions::default()
    });
    copy(&pair)
        .run()
        .fails(3, &["the target", "authentication"])
        .advises(&["--db9-password-command"]);
}

#[test]
fn a_password_command_makes_a_run_outlive_its_tokens() {
    let pair = planted();
    // Slow connections and some that break: the run lasts for several lives of a token.
    let slow = Action::Latency(Duration::from_millis(250));
    let faults = pair.standin.faults();
    faults.add(Fault::new(Trigger::query("SELECT"), slow).always());
    let cut = Action::Cut(Close::Rst);
    faults.add(Fault::new(Trigger::query("COPY \"public\""), cut).times(3));
    let uri = pair.standin.uri().replace(&format!(":{SECRET}"), "");
    let this = Wire9::copy(&with_secret(&pair.source.uri()), &uri);
    let (token, log) = (this.folder().join("token"), this.folder().join("log"));
    let renew = || {
        let fresh = pair.standin.issue_token(Duration::from_millis(800));
        let next = token.with_extension("next");
        std::fs::write(&next, format!("{fresh}\n")).expect("written");
        std::fs::rename(&next, &token).expect("renamed");
    };
    let command = format!("echo x >> '{}'; cat '{}'", log.display(), token.display());
    let command = ["--db9-password-command", command.as_str()];
    let begun = Instant::now();
    thread::scope(|scope| {
        let (stop, stopped) = mpsc::channel::<()>();
        renew();
        scope.spawn(|| {
            let stopped = stopped;
            while stopped.recv_timeout(Duration::from_millis(100)) == Err(Timeout) {
                renew();
            }
        });
        let mut running = this.args(&command).start();
        let asked = || std::fs::read_to_string(&log).map_or(0, |log| log.lines().count());
        running.when("connections are made anew", || asked() >= 6);
        running.wait().passes();
        drop(stop);
    });
    assert!(
        begun.elapsed() > Duration::from_millis(1_600),
        "too fast to tell"
    );
    pair.assert_equal(3);
}

#[test]
fn a_password_command_that_fails_is_told_without_its_output() {
    let command = format!("echo {SECRET}; echo {SECRET} >&2; exit 3");
    let uri = "postgresql://t.admin@127.0.0.1:1/postgres";
    Wire9::copy(&planted().source.uri(), uri)
        .args(&["--db9-password-command", &command])
        .run()
        .fails(3, &["the target", "password command", "exit status: 3"])
        .advises(&["by hand"]);
}

#[test]
fn a_password_command_that_hangs_ends_with_the_connect_timeout() {
    let pair = planted();
    let uri = format!("{}?connect_timeout=1", pair.source.uri());
    Wire9::copy(&uri, &pair.standin.uri())
        .args(&["--postgres-password-command", "sleep 300"])
        .run()
        .fails(3, &["the source", "password command", "longer than 2s"])
        .advises(&["by hand"]);
}

#[test]
fn a_refused_user_without_a_tenant_is_told_the_form() {
    let pair = planted();
    let uri = pair.standin.uri().replace("tenant.admin", "admin");
    Wire9::copy(&pair.source.uri(), &uri)
        .run()
        .fails(3, &["the target", "authentication", "TENANT.ROLE"]);
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let pair = planted();
    let uri = with_secret(&Cluster::shared().uri("no_such_database"));
    Wire9::copy(&uri, &pair.standin.uri())
        .run()
        .fails(3, &["the source", "no_such_database"])
        .advises(&["database's name"]);
}

#[test]
fn a_password_of_special_characters_passes_percent_encoded() {
    const PLAIN: &str = "p%4:/@ w\"o'x\\?&=#é";
    const ENCODED: &str = "p%254%3A%2F%40%20w%22o%27x%5C%3F%26%3D%23%C3%A9";
    let pair = planted_with(StandinOptions::default());
    let secret = format!("{SECRET}{PLAIN}");
    let own = crate::judged::pair_secret(&secret);
    let uri = own.standin.uri_with(&format!("{SECRET}{ENCODED}"));
    let run = Wire9::copy(&own.source.uri(), &uri).run().passes();
    run.never_says("w\"o'x");
    own.assert_equal(3);
    let raw = pair.standin.uri_with(&format!("{SECRET}%zz"));
    Wire9::copy(&pair.source.uri(), &raw)
        .run()
        .fails(2, &["--db9"])
        .advises(&["percent-encoded"]);
}

#[test]
fn a_db9_as_source_is_refused_clearly() {
    let (one, other) = (planted(), planted());
    Wire9::copy(&one.standin.uri(), &other.standin.uri())
        .run()
        .fails(4, &["source", "DB9", "snapshot"]);
    crate::judged::assert_untouched(other.target(), &["a", "b"]);
}
