//! Which tables and rows: `--schema`, `--table`, `--exclude-table`, `--where`.

use crate::harness::{Pair, Sample};

const TABLES: Sample<'_> = Sample::Same {
    tables: "CREATE SCHEMA sales;
             CREATE TABLE orders (id int PRIMARY KEY, at timestamp);
             CREATE TABLE order_items (id int PRIMARY KEY);
             CREATE TABLE \"Orders\" (id int PRIMARY KEY);
             CREATE TABLE sales.orders (id int PRIMARY KEY)",
    rows: "INSERT INTO orders SELECT i, '2024-01-01' FROM generate_series(1, 100) i;
           INSERT INTO order_items SELECT generate_series(1, 20);
           INSERT INTO \"Orders\" SELECT generate_series(1, 30);
           INSERT INTO sales.orders SELECT generate_series(1, 40)",
};

/// Rows of `orders`, `order_items`, `"Orders"` and `sales.orders` in the target.
fn rows(pair: &Pair) -> [u64; 4] {
    ["orders", "order_items", "\"Orders\"", "sales.orders"].map(|table| pair.target_rows(table))
}

#[test]
fn patterns_select_tables_as_psql_does() {
    for (arguments, expected) in [
        (&["--schema", "sales"][..], [0, 0, 0, 40]),
        (&["--table", "public.order*"], [100, 20, 0, 0]),
        (&["--table", "orders"], [100, 0, 0, 40]),
        (&["--table", "\"Orders\""], [0, 0, 30, 0]),
        (
            &["--table", "sales.orders", "--table", "order_items"],
            [0, 20, 0, 40],
        ),
        (
            &["--schema", "public", "--exclude-table", "order?items"],
            [100, 0, 30, 0],
        ),
    ] {
        let pair = Pair::of(TABLES);
        pair.copy().args(arguments).run().ends_with(0);
        assert_eq!(rows(&pair), expected, "{arguments:?}");
    }
}

#[test]
fn a_pattern_that_matches_nothing_is_refused_with_what_is_near() {
    let pair = Pair::of(TABLES);
    for option in ["--table", "--exclude-table", "--only", "--schema"] {
        let run = pair.copy().args(&[option, "ordes"]).run().ends_with(4);
        run.says(option).says("ordes").says("matches no table");
    }
    let run = pair.copy().args(&["--table", "ordes"]).run();
    run.says("did you mean").says("orders");
    let run = pair.copy().args(&["--where", "ordes=id > 1"]).run();
    run.ends_with(4).says("matches no table");
    assert_eq!(rows(&pair), [0; 4]);
}

#[test]
fn a_condition_copies_the_rows_for_which_it_holds() {
    let pair = Pair::of(TABLES);
    let condition = "public.orders=id > 90 OR id = ANY('{1,2}')";
    let run = pair.copy().args(&["--where", condition]).run().ends_with(0);
    assert_eq!(rows(&pair), [12, 20, 30, 40]);
    pair.assert_tables_equal(&[("public.orders", Some("id > 90 OR id IN (1, 2)"))], 3);
    assert_eq!(run.table("public.orders")["rows_counted"], 12);
}

#[test]
fn a_volatile_condition_is_refused_by_its_function() {
    let pair = Pair::of(TABLES);
    for (condition, named) in [
        ("orders=random() < 0.5", "random"),
        ("orders=at < now()", "now"),
        ("public.orders=at < 'yesterday'", "yesterday"),
    ] {
        let run = pair.copy().args(&["--where", condition]).run().ends_with(4);
        run.says("orders").says(named);
    }
    let run = pair
        .copy()
        .args(&["--where", "public.orders=id > 1) OR (true"]);
    run.run().ends_with(4).says("parenthesis");
    assert_eq!(rows(&pair), [0; 4]);
}
