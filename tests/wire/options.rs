//! What is read from connection strings and their surroundings.

use wire9::wire::{ConnectOptions, Endpoint, Environment, OptionsError, Secret, SslMode};

fn environment() -> Environment {
    Environment::default().with_os_user("me")
}

fn parse(text: &str) -> Result<ConnectOptions, OptionsError> {
    ConnectOptions::parse(text, Endpoint::Postgres, &environment())
}

#[test]
fn what_is_not_said_is_as_libpq_has_it() {
    for (text, shown) in [
        ("", "me@localhost:5432/me"),
        ("postgresql://", "me@localhost:5432/me"),
        ("postgresql://u@h", "u@h:5432/u"),
        ("postgresql://h/d", "me@h:5432/d"),
        ("user=u dbname=d", "u@localhost:5432/d"),
        ("host=a,b port=1,2 user=u", "u@a:1,b:2/u"),
        ("host=a,b port=9 user=u", "u@a:9,b:9/u"),
        ("host=a, user=u", "u@a:5432,localhost:5432/u"),
        ("hostaddr=10.0.0.1 user=u", "u@10.0.0.1:5432/u"),
        ("postgresql://u@/d?host=/run/pg&port=1", "u@/run/pg:1/d"),
        ("postgresql://u@a/d?host=b&host=c", "u@c:5432/d"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), shown, "{text}");
    }
}

#[test]
fn the_socket_folder_is_the_default_host_where_there_is_one() {
    let environment = environment().with_socket_folder("/run/pg");
    let options = ConnectOptions::parse("", Endpoint::Postgres, &environment).unwrap();
    assert_eq!(options.to_string(), "me@/run/pg:5432/me");
}

#[test]
fn a_db9_has_its_own_defaults() {
    let db9 = |text| ConnectOptions::parse(text, Endpoint::Db9, &environment());
    let options = db9("postgresql://t.admin:s@h:5433").unwrap();
    assert_eq!(options.to_string(), "t.admin@h:5433/postgres");
    assert_eq!(options.sslmode(), (SslMode::Require, false));
    assert_eq!(
        db9("host=h sslmode=disable").unwrap().sslmode(),
        (SslMode::Disable, true)
    );
    assert!(matches!(db9("user=u"), Err(OptionsError::NoHost)));
    assert_eq!(parse("host=h").unwrap().sslmode(), (SslMode::Prefer, false));
}

#[test]
fn variables_complete_what_the_text_leaves_out() {
    let environment = Environment::of_variables([
        ("PGHOST", "vh"),
        ("PGPORT", "77"),
        ("PGUSER", "vu"),
        ("PGDATABASE", "vd"),
        ("PGSSLMODE", "verify-full"),
        ("PGPASSWORD", "hunter2"),
        ("PGAPPNAME", "app"),
    ]);
    let parse = |text| ConnectOptions::parse(text, Endpoint::Postgres, &environment).unwrap();
    assert_eq!(parse("").to_string(), "vu@vh:77/vd");
    assert_eq!(parse("").sslmode(), (SslMode::VerifyFull, false));
    assert_eq!(parse("host=h user=u").to_string(), "u@h:77/vd");
    assert_eq!(parse("sslmode=disable").sslmode(), (SslMode::Disable, true));
}

/// They are those of a PostgreSQL: nothing of them is mixed into the other endpoint.
#[test]
fn variables_of_a_postgres_do_not_complete_a_db9() {
    let environment = Environment::of_variables([
        ("PGHOST", "vh"),
        ("PGHOSTADDR", "10.0.0.1"),
        ("PGPORT", "77"),
        ("PGUSER", "vu"),
        ("PGDATABASE", "vd"),
        ("PGSSLMODE", "disable"),
        ("PGSSLROOTCERT", "system"),
    ]);
    let environment = environment.with_os_user("me");
    let db9 = |text| ConnectOptions::parse(text, Endpoint::Db9, &environment);
    let options = db9("postgresql://t.admin@h").unwrap();
    assert_eq!(options.to_string(), "t.admin@h:5432/postgres");
    assert_eq!(options.sslmode(), (SslMode::Require, false));
    assert!(matches!(db9("user=u"), Err(OptionsError::NoHost)));
}

#[test]
fn a_mistake_is_told_by_its_key_and_never_by_its_value() {
    for (text, told) in [
        (
            "postgresql://u:hunter2@h?sslmod=require",
            "did you mean sslmode?",
        ),
        (
            "postgresql://u:hunter2@h?conect_timeout=1",
            "did you mean connect_timeout?",
        ),
        (
            "postgresql://u:hunter2@h?xyzzy=1",
            "unknown connection option \"xyzzy\"",
        ),
        ("host=h sslmode=hunter2", "sslmode must be disable, allow"),
        ("postgresql://u@h:hunter2", "port must be"),
        ("host=h port=0", "port must be"),
        ("host=h port=65536", "port must be"),
        ("host=a,b port=1,2,3", "port must be one number"),
        ("host=a,b hostaddr=10.0.0.1", "hostaddr must be"),
        ("hostaddr=hunter2", "hostaddr must be an IP address"),
        (
            "host=h connect_timeout=hunter2",
            "connect_timeout must be a whole number",
        ),
        (
            "host=h keepalives=99999999999",
            "keepalives must be a whole number",
        ),
        ("host=h channel_binding=yes", "channel_binding must be"),
        (
            "host=h target_session_attrs=hunter2",
            "target_session_attrs must be",
        ),
        (
            "host=h client_encoding=LATIN1",
            "client_encoding must be UTF8",
        ),
        ("service=hunter2", "service is not supported"),
        ("host=h gssencmode=require", "gssencmode must be"),
        (
            "host=h sslcert=/hunter2",
            "sslcert must be given together with sslkey",
        ),
        (
            "host=h sslrootcert=system sslmode=require",
            "sslmode must be verify-full",
        ),
        (
            "host=h sslnegotiation=direct sslmode=prefer",
            "sslnegotiation=direct",
        ),
    ] {
        let error = parse(text).expect_err(text);
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().contains(told), "{text}: {error}");
        assert!(!shown.contains("hunter2"), "{text}: {shown}");
    }
}

#[test]
fn a_user_must_come_from_somewhere() {
    let outcome = ConnectOptions::parse("host=h", Endpoint::Postgres, &Environment::default());
    assert!(matches!(outcome, Err(OptionsError::NoUser)));
}

#[test]
fn the_password_is_never_shown() {
    let options = parse("postgresql://u:hunter2@h/d").unwrap();
    let shown = format!("{options} {options:?} {:?}", Secret::new("hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}
