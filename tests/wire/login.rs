//! Who is let in, by which exchange, and what is said to those who are not.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use testenv::{Auth, Cluster};
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment, Error};

use crate::{options, secured, shared};

async fn authentication(uri: &str) -> Result<&'static str, Error> {
    Connection::connect(&options(uri))
        .await
        .map(|connection| connection.peer().authentication)
}

/// The URI for an unencrypted connection with this password.
fn plain_uri(cluster: &Cluster, password: &str) -> String {
    let uri = cluster.uri("postgres");
    let uri = uri.replace(cluster.password().unwrap(), password);
    format!("{uri}?sslmode=disable")
}

#[tokio::test]
async fn every_password_exchange_lets_the_right_password_in_and_no_other() {
    for (auth, kind) in [
        (Auth::Password, "password"),
        (Auth::Md5, "md5"),
        (Auth::Scram, "scram-sha-256"),
    ] {
        let cluster = secured(auth).await;
        assert_eq!(
            authentication(&plain_uri(cluster, cluster.password().unwrap()))
                .await
                .unwrap(),
            kind
        );
        let error = authentication(&plain_uri(cluster, "hunter2"))
            .await
            .unwrap_err();
        assert!(error.is_authentication(), "{kind}: {error}");
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("password authentication failed for user"),
            "{kind}: {text}"
        );
        assert!(!text.contains("hunter2"), "{kind}: {text}");
    }
}

#[tokio::test]
async fn trust_asks_for_nothing() {
    let shared = shared().await;
    assert_eq!(
        authentication(&shared.uri("postgres")).await.unwrap(),
        "trust"
    );
}

#[tokio::test]
async fn a_unix_socket_is_spoken_to_without_tls_whatever_is_asked_for() {
    let shared = shared().await;
    let uri = format!("{}&sslmode=require", shared.socket_uri("postgres"));
    let connection = Connection::connect(&options(&uri)).await.unwrap();
    assert!(connection.peer().host.starts_with('/'));
    assert_eq!(connection.peer().tls, None);
}

#[tokio::test]
async fn a_missing_password_is_told_with_the_reason_why_the_password_file_was_not_used() {
    let cluster = secured(Auth::Scram).await;
    let uri = plain_uri(cluster, "");
    let passfile = cluster.folder().join("passfile");
    let line = format!(
        "127.0.0.1:*:postgres:postgres:{}\n",
        cluster.password().unwrap()
    );
    std::fs::write(&passfile, line).unwrap();
    let uri = format!("{uri}&passfile={}", passfile.display());

    std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = authentication(&uri).await.unwrap_err();
    assert!(
        error.is_authentication() && error.to_string().contains("chmod 600"),
        "{error}"
    );

    std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(authentication(&uri).await.unwrap(), "scram-sha-256");
}

#[tokio::test]
async fn the_password_command_runs_anew_for_every_connection() {
    let cluster = secured(Auth::Scram).await;
    let mut options = options(&plain_uri(cluster, "wrong"));
    let log = cluster.folder().join("password-command-log");
    let password = cluster.password().unwrap();
    options.set_password_command(&format!("echo run >> {}; echo {password}", log.display()));
    for _ in 0..2 {
        Connection::connect(&options).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "run\nrun\n");
    options.set_password_command("echo hunter2; exit 7");
    let error = Connection::connect(&options).await.unwrap_err();
    assert!(matches!(error, Error::Options(_)), "{error}");
}

#[tokio::test]
async fn a_refused_user_of_a_db9_gets_advice_about_its_form() {
    let cluster = secured(Auth::Scram).await;
    let uri = plain_uri(cluster, "wrong");
    let environment = Environment::default();
    let db9 = ConnectOptions::parse(&uri, Endpoint::Db9, &environment).unwrap();
    let error = Connection::connect(&db9).await.unwrap_err();
    assert!(error.to_string().contains("TENANT.ROLE"), "{error}");
}

#[tokio::test]
async fn a_missing_database_is_the_servers_error() {
    let shared = shared().await;
    let error = authentication(&shared.uri("no such database"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("3D000"));
}

#[tokio::test]
async fn nobody_at_the_port_is_a_connect_error_that_names_the_host() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = authentication(&format!("postgresql://u@127.0.0.1:{port}/d"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    let error = authentication("postgresql://u@no-such-host.invalid/d")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
}

#[tokio::test]
async fn the_next_host_is_tried_and_later_connections_are_pinned_to_it() {
    let cluster = shared().await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let uri = format!(
        "postgresql://postgres@127.0.0.1:{dead},localhost:{}/postgres",
        cluster.port()
    );
    let mut options = options(&uri);
    let connection = Connection::connect(&options).await.unwrap();
    assert_eq!(
        (connection.peer().host.as_str(), connection.peer().port),
        ("localhost", cluster.port())
    );
    options.pin(connection.peer());
    assert_eq!(
        options.hosts().collect::<Vec<_>>(),
        [("localhost", cluster.port())]
    );
    assert_eq!(
        Connection::connect(&options).await.unwrap().peer(),
        connection.peer()
    );
}

#[tokio::test]
async fn a_server_of_the_wrong_kind_is_not_taken() {
    let shared = shared().await;
    let uri = shared.uri("postgres");
    for (attrs, taken) in [
        ("any", true),
        ("read-write", true),
        ("primary", true),
        ("prefer-standby", true),
        ("read-only", false),
        ("standby", false),
    ] {
        let outcome = authentication(&format!("{uri}?target_session_attrs={attrs}")).await;
        assert_eq!(outcome.is_ok(), taken, "{attrs}");
    }
}

#[tokio::test]
async fn options_and_the_application_name_reach_the_server() {
    let shared = shared().await;
    let uri = format!("{}?options=-c%20work_mem%3D5MB", shared.uri("postgres"));
    let mut options = options(&uri);
    options.set_application_name("wire9/test/1");
    let mut connection = Connection::connect(&options).await.unwrap();
    assert_eq!(
        connection.query("SHOW work_mem").await.unwrap().value(0),
        Some("5MB")
    );
    assert_eq!(
        connection.parameter("application_name"),
        Some("wire9/test/1")
    );
    assert_eq!(connection.parameter("client_encoding"), Some("UTF8"));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_after_the_connect_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let begun = Instant::now();
    let uri = format!("postgresql://u@127.0.0.1:{port}/d?connect_timeout=2");
    let error = authentication(&uri).await.unwrap_err();
    assert!(matches!(error, Error::Silent { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(6));
}
