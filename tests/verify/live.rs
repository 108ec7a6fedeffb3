//! Sides that are written while they are verified.

use std::thread;
use std::time::Duration;

use crate::{report, simple, table};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_row_that_is_the_same_a_moment_later_is_no_difference_and_a_real_one_stays() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = 'late' WHERE id = 7; DELETE FROM t WHERE id = 9");
    pair.target_execute("UPDATE t SET a = 'wrong' WHERE id = 8");
    let again = ["--both", "--reread-for", "30"];
    let settled = thread::scope(|scope| {
        let verifying = scope.spawn(|| report(&pair, &["--reread-for", "8"], 6));
        thread::sleep(3 * SECOND);
        // What a replication brings.
        pair.source
            .execute("UPDATE t SET a = 'late' WHERE id = 7")
            .expect("the source");
        pair.source
            .execute("DELETE FROM t WHERE id = 9")
            .expect("the source");
        verifying.join().expect("a report")
    });
    let difference = &table(&settled, "public.t")["difference"];
    assert_eq!(difference["changed"], 1, "{difference}");
    assert_eq!(difference["rows"][0]["key"]["id"], "8");
    assert_eq!(difference["rows"][0]["columns"], serde_json::json!(["a"]));

    pair.source
        .execute("UPDATE t SET a = 'wrong' WHERE id = 8")
        .expect("the source");
    let equal = report(&pair, &again, 0);
    assert_eq!(table(&equal, "public.t")["verdict"], "equal");
}

#[test]
fn rows_without_a_key_are_not_read_again() {
    let pair = simple();
    pair.target_execute("INSERT INTO keyless VALUES (3, 'x')");
    let report = report(&pair, &["--reread-for", "60"], 6);
    assert_eq!(table(&report, "public.keyless")["difference"]["extra"], 1);
}
