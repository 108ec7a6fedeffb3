//! Arguments that make no sense for these servers, and reports that can not be written.

use crate::judged::{
    Judged as _, ROWS, TABLES, VALUE, assert_untouched, copy, copy_reporting, pair,
};

#[test]
fn a_full_disk_under_the_report_is_told_and_the_rows_are_there() {
    let pair = pair(TABLES, ROWS);
    copy_reporting(&pair, "/dev/full")
        .run()
        .fails(
            1,
            &["--report", "run itself ended as shown", "No space left"],
        )
        .advises(&["make room"]);
    pair.assert_equal(3);
}

#[test]
fn a_report_that_can_not_be_written_is_refused_before_the_run() {
    let pair = pair(TABLES, ROWS);
    for place in ["/nonexistent/report.json", "/dev/null/report.json", "/"] {
        copy_reporting(&pair, place)
            .run()
            .fails(2, &["--report", place, "can not be written"])
            .advises(&["folder"]);
    }
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn an_unknown_key_of_a_profile_is_named() {
    let pair = pair(TABLES, ROWS);
    let this = copy(&pair);
    let profile = this.folder().join("profile.toml");
    std::fs::write(&profile, "max_line_byte = 5\n").expect("written");
    this.args(&["--profile", &profile.to_string_lossy()])
        .run()
        .fails(2, &["--profile", "max_line_byte"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn a_condition_that_is_no_sql_is_refused_with_its_table() {
    let pair = pair(TABLES, ROWS);
    let condition = format!("a=body <> '{VALUE}' AND AND id > 1");
    copy(&pair)
        .args(&["--where", &condition])
        .run()
        .fails(4, &["public.a", "condition", "syntax error"])
        .advises(&["mend the expression"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn a_condition_on_a_column_that_is_not_there_is_refused_with_its_name() {
    let pair = pair(TABLES, ROWS);
    copy(&pair)
        .args(&["--where", "a=no_such_column > 1"])
        .run()
        .fails(4, &["public.a", "condition", "no_such_column"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn a_volatile_condition_is_refused_with_the_function() {
    let pair = pair(TABLES, ROWS);
    let condition = format!("a=random() > 0.5 OR body = '{VALUE}'");
    copy(&pair)
        .args(&["--where", &condition])
        .run()
        .fails(4, &["public.a", "volatile", "random"])
        .advises(&["columns and constants"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn names_with_newlines_quotes_and_percent_signs_pass_and_forge_no_line() {
    let name = "\"t\nerror: forged \"\"x\"\" 50% \\\\ é\"";
    let column = "\"c\r\n%s '\"\"\"";
    let tables = format!("CREATE TABLE {name} (id integer PRIMARY KEY, {column} text)");
    let rows = format!("INSERT INTO {name} VALUES (1, '{VALUE}'), (2, NULL)");
    let pair = pair(&tables, &rows);
    pair.target_execute(&format!("ALTER TABLE {name} DROP {column}"));
    copy(&pair)
        .run()
        .fails(4, &["forged", "50%", "no such column"]);
    pair.target_execute(&format!(
        "ALTER TABLE {name} ADD {column} text CHECK ({column} IS NULL)"
    ));
    copy(&pair)
        .run()
        .fails(5, &["forged", "50%", "23514"])
        .advises(&["the same command continues"]);
    pair.target_execute(&format!(
        "ALTER TABLE {name} DROP {column}, ADD {column} text"
    ));
    copy(&pair).run().passes();
    pair.assert_equal(3);
}
