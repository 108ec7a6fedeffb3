//! Values of every type: what differs is found, what is only spelled in another way does not count.

use testenv::sample::Everything;

use crate::harness::{Pair, Sample};
use crate::{report, simple, table};

#[test]
fn a_changed_value_of_every_type_is_found_with_its_row_and_column() {
    let pair = Pair::of(Sample::Everything(Everything::QUICK));
    let columns: String = pair
        .target()
        .query_value(
            "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) \
             FROM information_schema.columns WHERE table_name = 'all_types'",
        )
        .expect("columns");
    let columns: Vec<&str> = columns.split(' ').filter(|c| *c != "id").collect();
    assert!(columns.len() > 40, "{}", columns.len());
    let copies = format!(
        "INSERT INTO all_types (id, {list}) SELECT 100 + n, {list} FROM all_types, \
         generate_series(1, {}) n WHERE id = 1",
        columns.len(),
        list = columns.join(", ")
    );
    pair.source.execute(&copies).expect("a row per column");
    pair.copy().run().ends_with(0);
    for (i, column) in columns.iter().enumerate() {
        pair.target_execute(&format!(
            "UPDATE all_types SET {column} = (SELECT {column} FROM all_types WHERE id = 2) \
             WHERE id = {}",
            101 + i
        ));
    }
    let report = report(&pair, &["--table", "all_types", "--show", "1000"], 6);
    let difference = &table(&report, "public.all_types")["difference"];
    assert_eq!(difference["changed"], columns.len(), "{difference}");
    assert_eq!(
        (&difference["missing"], &difference["extra"]),
        (&0.into(), &0.into())
    );
    let rows = difference["rows"].as_array().expect("rows");
    for (i, column) in columns.iter().enumerate() {
        let id = (101 + i).to_string();
        let row = rows.iter().find(|row| row["key"]["id"] == id.as_str());
        let row = row.unwrap_or_else(|| panic!("row {id} ({column}) in {rows:?}"));
        assert_eq!(row["columns"], serde_json::json!([column]), "{row}");
    }
}

#[test]
fn another_spelling_of_a_value_is_no_difference() {
    let pair = simple();
    pair.target_execute(
        "UPDATE t SET b = b::numeric(20, 10), c = '{\"m\": 1.1, \"n\": 7}' WHERE id = 7",
    );
    let report = report(&pair, &[], 0);
    assert_eq!(table(&report, "public.t")["verdict"], "equal");
}

/// The columns of a table besides its key.
fn columns(pair: &Pair, name: &str) -> Vec<String> {
    let listed: String = pair
        .target()
        .query_value(&format!(
            "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) \
             FROM information_schema.columns WHERE table_name = '{name}'"
        ))
        .expect("columns");
    let all = listed.split(' ').map(str::to_owned);
    all.filter(|column| column != "id").collect()
}

/// A table with a key and one without, both with a row per column of a table of the sample: its name, and only
/// its value.
fn a_row_per_column(pair: &Pair, name: &str) -> Vec<String> {
    let columns = columns(pair, name);
    let empty = format!(
        "CREATE TABLE keyed (column_name text PRIMARY KEY, LIKE {name}); \
         ALTER TABLE keyed ALTER id DROP NOT NULL; \
         CREATE TABLE keyless AS SELECT * FROM keyed"
    );
    pair.source.execute(&empty).expect("the source");
    pair.target_execute(&empty);
    for column in &columns {
        let row = format!(
            "INSERT INTO keyed (column_name, {column}) SELECT '{column}', {column} FROM {name} WHERE id = 1"
        );
        pair.source.execute(&row).expect("a row");
    }
    pair.source
        .execute("INSERT INTO keyless SELECT * FROM keyed")
        .expect("rows");
    columns
}

/// Its first column in every row of a report.
fn names<'r>(difference: &'r serde_json::Value, what: &str) -> Vec<&'r str> {
    let rows = difference["rows"].as_array().expect("rows");
    let of = |row: &'r serde_json::Value| {
        assert_eq!(row["what"], what, "{row}");
        let key = row["key"]["column_name"].as_str();
        let value = |side: &str| row["values"][0][side].as_str().map(str::to_owned);
        key.map(str::to_owned)
            .or_else(|| value("source"))
            .or_else(|| value("target"))
    };
    let found: Vec<String> = rows.iter().filter_map(of).collect();
    let mut found: Vec<&'r str> = found.into_iter().map(|name| &*name.leak()).collect();
    found.sort_unstable();
    found
}

#[test]
fn a_deleted_row_and_a_doubled_row_without_a_key_of_every_type_are_named() {
    for name in ["all_types", "arrays"] {
        let pair = Pair::of(Sample::Everything(Everything::QUICK));
        let columns = a_row_per_column(&pair, name);
        assert!(columns.len() > 10, "{columns:?}");
        let tables = ["--table", "public.keyed", "--table", "public.keyless"];
        pair.copy().args(&tables).run().ends_with(0);
        pair.target_execute(
            "CREATE TABLE kept AS SELECT * FROM keyed; DELETE FROM keyed; \
             INSERT INTO keyless SELECT * FROM keyless",
        );
        let shown = ["--show", "1000", "--show-values"];
        let report = report(&pair, &[&tables[..], &shown].concat(), 6);
        let mut expected: Vec<&str> = columns.iter().map(String::as_str).collect();
        expected.sort_unstable();
        let keyed = &table(&report, "public.keyed")["difference"];
        assert_eq!(names(keyed, "missing"), expected);
        let keyless = &table(&report, "public.keyless")["difference"];
        assert_eq!(names(keyless, "extra"), expected);

        // One at a time, too.
        pair.target_execute("INSERT INTO keyed SELECT * FROM kept");
        let first = columns.first().expect("a column");
        pair.target_execute(&format!("DELETE FROM keyed WHERE column_name = '{first}'"));
        let report = crate::report(&pair, &[&tables[..], &shown].concat(), 6);
        let keyed = &table(&report, "public.keyed")["difference"];
        assert_eq!(names(keyed, "missing"), [first]);
    }
}

#[test]
fn a_changed_array_of_every_type_is_found_with_its_row_and_column() {
    let pair = Pair::of(Sample::Everything(Everything::QUICK));
    let columns = columns(&pair, "arrays");
    let list = columns.join(", ");
    let copies = format!(
        "INSERT INTO arrays (id, {list}) SELECT 100 + n, {list} FROM arrays, \
         generate_series(0, {}) n WHERE id = 1",
        columns.len()
    );
    pair.source.execute(&copies).expect("a row per column");
    pair.copy().run().ends_with(0);
    for (i, column) in columns.iter().enumerate() {
        pair.target_execute(&format!(
            "UPDATE arrays SET {column} = (SELECT {column} FROM arrays WHERE id = 2) WHERE id = {}",
            100 + i
        ));
    }
    let report = report(&pair, &["--table", "arrays", "--show", "1000"], 6);
    let difference = &table(&report, "public.arrays")["difference"];
    for (i, column) in columns.iter().enumerate() {
        let rows = difference["rows"].as_array().expect("rows");
        let id = (100 + i).to_string();
        let row = rows.iter().find(|row| row["key"]["id"] == id.as_str());
        let row = row.unwrap_or_else(|| panic!("row {id} ({column}) in {rows:?}"));
        assert_eq!(row["columns"], serde_json::json!([column]), "{row}");
    }
}
