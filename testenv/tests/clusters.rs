//! Clusters start as asked, and nothing of them is left behind.

use std::time::{Duration, Instant};

use testenv::{Auth, Cluster, ClusterOptions, Installation};

#[test]
fn a_fresh_database_answers_and_is_gone_when_dropped() {
    let cluster = Cluster::shared();
    let database = cluster.database("It's a hint").expect("create");
    database
        .execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)")
        .expect("execute");
    assert_eq!(database.count("t").expect("count"), 2);
    assert_eq!(
        database.query("SELECT a FROM t").expect("query")[1][0],
        None
    );
    let listed = format!(
        "SELECT count(*) FROM pg_database WHERE datname = '{}'",
        database.name()
    );
    let other = cluster.database("other").expect("create");
    assert_eq!(other.query_value::<u32>(&listed).expect("before"), 1);
    drop(database);
    assert_eq!(other.query_value::<u32>(&listed).expect("after"), 0);
}

#[test]
fn a_database_can_be_cloned_from_a_template() {
    let template = Cluster::shared().database("template").expect("create");
    template
        .execute("CREATE TABLE t AS SELECT 7 AS a")
        .expect("execute");
    let clone = Cluster::shared().database_from(&template).expect("clone");
    assert_eq!(
        clone.query_value::<u32>("SELECT a FROM t").expect("value"),
        7
    );
}

#[test]
fn a_database_can_have_another_encoding() {
    let database = Cluster::shared()
        .database_encoded("ascii", "SQL_ASCII")
        .expect("create");
    assert_eq!(
        database
            .query_value::<String>("SHOW server_encoding")
            .expect("value"),
        "SQL_ASCII"
    );
}

#[test]
fn passwords_are_asked_for_over_tcp() {
    for auth in [Auth::Password, Auth::Md5, Auth::Scram] {
        let cluster = Cluster::start(ClusterOptions::new().auth(auth)).expect("start");
        let right = cluster.uri("postgres");
        postgres::Client::connect(&right, postgres::NoTls).expect("the right password");
        let wrong = right.replace(cluster.password().expect("a password"), "wrong");
        let error = postgres::Client::connect(&wrong, postgres::NoTls)
            .err()
            .expect("a refusal");
        assert_eq!(
            error.code().map(|code| code.code()),
            Some("28P01"),
            "{auth:?}"
        );
    }
}

#[test]
fn tls_can_be_demanded_and_has_files_for_clients() {
    let options = ClusterOptions::new()
        .tls()
        .rule("hostnossl all all all reject");
    let cluster = Cluster::start(options).expect("start");
    assert!(postgres::Client::connect(&cluster.uri("postgres"), postgres::NoTls).is_err());
    let database = cluster.database("t").expect("create");
    assert_eq!(
        database.query_value::<String>("SHOW ssl").expect("value"),
        "on"
    );
    let files = cluster.certificates().expect("certificates");
    assert!(files.ca.exists() && files.wrong_ca.exists() && files.client_key.exists());
}

#[test]
fn a_cluster_keeps_its_port_and_data_over_stop_crash_and_restart() {
    let cluster = Cluster::start(ClusterOptions::new().setting("work_mem", "5MB")).expect("start");
    let database = cluster.database("kept").expect("create");
    database
        .execute("CREATE TABLE t AS SELECT 1 AS a; CHECKPOINT")
        .expect("execute");
    cluster.stop().expect("stop");
    assert!(database.count("t").is_err());
    cluster.restart().expect("restart");
    assert_eq!(database.count("t").expect("count"), 1);
    cluster.kill().expect("kill");
    assert!(database.count("t").is_err());
    cluster.restart().expect("restart");
    assert_eq!(
        database
            .query_value::<String>("SHOW work_mem")
            .expect("value"),
        "5MB"
    );
}

#[test]
fn nothing_is_left_after_a_drop_or_a_panic() {
    let result = std::thread::spawn(|| {
        let cluster = Cluster::start(ClusterOptions::new()).expect("start");
        let kept = (cluster.folder().to_path_buf(), cluster.port());
        std::panic::panic_any(kept);
    })
    .join();
    let panic = result.expect_err("the thread panicked");
    let (folder, port) = panic
        .downcast::<(std::path::PathBuf, u16)>()
        .map(|kept| *kept)
        .expect("kept");
    assert!(!folder.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_standby_follows_and_refuses_to_write() {
    let primary = Cluster::start(ClusterOptions::new().replicating()).expect("start");
    let database = primary.database("followed").expect("create");
    let standby = primary.standby().expect("standby");
    database
        .execute("CREATE TABLE t AS SELECT 5 AS a")
        .expect("fill");
    let uri = standby.uri(database.name());
    let begun = Instant::now();
    let mut client = testenv::client::connect(&uri).expect("connect");
    while client.batch_execute("SELECT FROM t").is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the table does not arrive"
        );
    }
    let error = client
        .batch_execute("INSERT INTO t VALUES (1)")
        .expect_err("read only");
    assert_eq!(error.code().map(|code| code.code()), Some("25006"));
}

/// `testenv/install 13 14 16 17 18` brings those that the distribution has not.
#[test]
fn every_installed_version_starts_and_answers() {
    let installations = Installation::all();
    assert!(!installations.is_empty(), "no PostgreSQL is installed");
    for Installation { major, .. } in installations {
        let options = ClusterOptions::new().major(major).auth(Auth::Scram).tls();
        let cluster = Cluster::start(options).expect("start");
        let database = cluster.database("version").expect("create");
        let number: u32 = database
            .query_value("SHOW server_version_num")
            .expect("value");
        assert_eq!(number / 10_000, major);
        assert_eq!(cluster.version(), major);
    }
}
