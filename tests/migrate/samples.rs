//! Whole databases arrive.

use testenv::sample::Everything;
use testenv::{StandinOptions, equality};

use crate::harness::{Pair, Sample, Wire9, thirteen};
use crate::office::{OFFICE, assert_complete, office};

#[test]
fn the_shop_arrives_with_everything() {
    let pair = Pair::empty(Sample::Shop(0.05));
    let run = pair.migrate().run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(run.result()["ended"], "through");
    assert_eq!(run.result()["source_schema"]["state"], "same");
    assert_eq!(run.result()["statements"]["failed"], serde_json::json!([]));
}

#[test]
fn chinook_arrives_with_everything() {
    let pair = Pair::empty(Sample::Chinook);
    pair.migrate().run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn one_of_everything_arrives_and_the_verdict_says_how_to_connect() {
    let pair = office();
    let run = pair.migrate().run().ends_with(0);
    assert_complete(&pair);
    let secret = pair.standin.uri();
    let secret = secret
        .split(['/', '@'])
        .nth(2)
        .and_then(|user| user.split(':').nth(1));
    let run = run
        .says("WHAT THE APPLICATION MUST KNOW")
        .says("NOT CHECKED")
        .says("postgresql://tenant.admin@127.0.0.1:")
        .says("/postgres?sslmode=")
        .never_says(secret.expect("the URI has a password"));
    for phase in [
        "check",
        "plan",
        "pre-data",
        "copy",
        "post-data",
        "sequences",
        "verdict",
    ] {
        assert!(
            run.stderr.contains(&format!("== {phase}: ")),
            "{}",
            run.stderr
        );
    }
}

/// All but one table is equal to the last bit; the amounts of that table's money are, too.
#[test]
fn every_type_escape_and_kind_of_table_arrives() {
    let pair = Pair::empty(Sample::Everything(Everything::QUICK));
    // One value of its own row turns this CHECK false when it is cut.
    let drop = "ALTER DOMAIN later_stamp DROP CONSTRAINT later_stamp_check";
    pair.source
        .execute(drop)
        .expect("the constraint is dropped");
    pair.migrate().run().ends_with(0);
    let (source, target) = (pair.source.uri(), pair.standin.admin_uri());
    let (mut pairs, missing) = equality::pair_all(&source, &target).expect("described");
    assert_eq!(missing, []);
    for pair in &mut pairs {
        if pair.source.name == "all_types" {
            pair.columns.retain(|column| column.source != "c_money");
        }
    }
    let differences = equality::compare(&source, &target, &pairs, 3);
    assert_eq!(differences.expect("they can be compared"), []);
    let sum = "SELECT sum(c_money::numeric)::text FROM public.all_types";
    let there: String = pair.target().query_value(sum).expect("a sum");
    let here: String = pair.source.query_value(sum).expect("a sum");
    assert_eq!(there, here);
}

#[test]
fn a_postgresql_13_arrives_with_everything() {
    let sample = Sample::Sql {
        source: OFFICE,
        target: "",
    };
    let pair = Pair::empty_on(thirteen(), StandinOptions::default(), sample);
    pair.migrate().run().ends_with(0);
    assert_complete(&pair);
}

#[test]
fn the_ledger_of_a_finished_migration_can_be_removed_and_everything_stays() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    Wire9::bare()
        .args(&["clean", "--db9", &pair.standin.uri()])
        .run()
        .ends_with(0);
    assert_complete(&pair);
    pair.migrate()
        .run()
        .ends_with(4)
        .says("the target is not empty");
}
