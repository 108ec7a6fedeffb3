//! The sample databases are what they claim to be.

use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database, Installation, Standin, StandinOptions};

fn database(hint: &str) -> Database {
    Cluster::shared().database(hint).expect("create a database")
}

fn target(hint: &str, statements: &[String]) -> Database {
    let target = database(hint);
    sample::execute_all(&target, statements).expect("the target's tables");
    target
}

#[test]
fn the_shop_grows_with_its_factor_and_has_microseconds_to_lose() {
    let shop = database("shop");
    sample::shop(&shop, 0.02).expect("fill");
    assert_eq!(shop.count("customers").expect("count"), 400);
    assert_eq!(shop.count("readings").expect("count"), 3_000);
    let finer = "customers WHERE created_at <> date_trunc('milliseconds', created_at)";
    assert!(shop.count(finer).expect("count") > 300);
    assert!(
        shop.count("events").expect("count")
            > shop
                .count("(SELECT DISTINCT e::text FROM events e) d")
                .expect("count")
    );
    target("shop_target", &sample::shop_target());
}

#[test]
fn a_whole_shop_has_a_few_hundred_thousand_rows() {
    let shop = database("shop");
    sample::shop(&shop, 1.0).expect("fill");
    let tables = [
        "customers",
        "products",
        "orders",
        "order_items",
        "events",
        "documents",
        "readings",
    ];
    let rows: u64 = tables
        .iter()
        .map(|table| shop.count(table).expect("count"))
        .sum();
    assert_eq!(rows, 405_001);
}

#[test]
fn two_fillings_are_equal() {
    let digest = |database: &Database| {
        let sql = "SELECT md5(string_agg(d::text, '' ORDER BY id)) FROM documents d";
        database.query_value::<String>(sql).expect("digest")
    };
    let (one, two) = (database("one"), database("two"));
    sample::shop(&one, 0.01).expect("fill");
    sample::shop(&two, 0.01).expect("fill");
    assert_eq!(digest(&one), digest(&two));
}

#[test]
fn everything_fills_on_every_installed_version() {
    for Installation { major, .. } in Installation::all() {
        let cluster = Cluster::start(ClusterOptions::new().major(major)).expect("start");
        let everything = cluster.database("everything").expect("create");
        sample::everything(&everything, Everything::QUICK).expect("fill");
        assert_eq!(everything.count("no_columns").expect("count"), 3);
        assert_eq!(everything.count("animals").expect("count"), 80);
        assert_eq!(everything.count("ONLY animals").expect("count"), 50);
        assert_eq!(everything.count("tiny.t10").expect("count"), 3);
    }
}

#[test]
fn planted_fills_on_every_installed_version() {
    for Installation { major, .. } in Installation::all() {
        let cluster = Cluster::start(ClusterOptions::new().major(major)).expect("start");
        let planted = cluster.database("planted").expect("create");
        sample::planted(&planted).unwrap_or_else(|e| panic!("PostgreSQL {major}: {e}"));
        assert_eq!(planted.count("planted.part_root").expect("count"), 3);
    }
}

#[test]
fn everything_has_a_target_and_a_row_of_thirty_megabytes() {
    let size = Everything {
        huge_row: true,
        tiny_tables: 1_000,
    };
    let everything = database("everything");
    sample::everything(&everything, size).expect("fill");
    let length = "SELECT max(octet_length(body)) FROM huge";
    assert_eq!(
        everything.query_value::<u64>(length).expect("length"),
        30 << 20
    );
    let target = target("everything_target", &sample::everything_target(size));
    assert_eq!(
        target
            .count("pg_tables WHERE schemaname = 'tiny'")
            .expect("count"),
        1_000
    );
}

#[test]
fn chinook_and_the_reference_load_fill() {
    let chinook = database("chinook");
    sample::chinook(&chinook).expect("fill");
    assert_eq!(chinook.count("track").expect("count"), 3_503);
    target("chinook_target", &sample::chinook_target());

    let bench = database("bench");
    sample::bench(&bench, 1_000, 100).expect("fill");
    assert_eq!(bench.count("events").expect("count"), 1_000);
    assert_eq!(bench.count("docs").expect("count"), 100);
    target("bench_target", &sample::bench_target());
}

#[test]
fn the_stand_in_takes_the_target_of_every_sample() {
    for (name, statements) in [
        ("shop", sample::shop_target()),
        ("everything", sample::everything_target(Everything::QUICK)),
        ("chinook", sample::chinook_target()),
        ("bench", sample::bench_target()),
    ] {
        let standin = Standin::start(StandinOptions::default()).expect("start");
        let mut client = testenv::client::connect(&standin.uri()).expect("connect");
        for statement in statements {
            let result = client.batch_execute(&statement);
            result.unwrap_or_else(|error| panic!("{name}: {statement}: {error:?}"));
        }
    }
}
