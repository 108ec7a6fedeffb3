//! Files and ids that a person writes, and their mistakes.

use super::harness::{Run, Wire9};
use super::{check, source};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, at timestamptz(3))";

/// A check with this text as the file of `--map`; `{}` in what it must say is the file.
#[track_caller]
fn with_map(text: &str) -> (String, Run) {
    let source = source(TABLE);
    let run: Wire9 = check(&source);
    let file = run.folder().join("names.toml");
    std::fs::write(&file, text).expect("it can be written");
    let path = file.to_string_lossy().into_owned();
    let run = run.args(&["--map", &path]).run();
    (path, run)
}

#[test]
fn a_map_that_is_no_toml_is_refused_with_its_file_its_line_and_what_to_do() {
    let (path, run) = with_map("[tables]\n\n\"public.t\" = = \"app.t\"\n");
    run.ends_with(2)
        .says(&format!("error: --map {path} can not be used: line 3"))
        .says("caused by: it is not TOML: ")
        .says("remedy: mend that line of the file");
}

#[test]
fn a_key_of_a_map_that_is_not_understood_is_named_with_its_line() {
    let (path, run) = with_map("[tables]\n\"public.t\" = \"app.t\"\nt = \"app.t\"\n");
    run.ends_with(2)
        .says(&format!("error: --map {path} can not be used: line 3"))
        .says("[tables] t: \"t\" is not of the form SCHEMA.TABLE");
}

#[test]
fn names_of_a_map_that_the_source_does_not_have_are_all_named() {
    let text = "[schemas]\nshop = \"s\"\n[tables]\n\"public.u\" = \"app.u\"\n\
                [columns]\n\"public.t.total\" = \"text\"\n";
    let (_, run) = with_map(text);
    run.ends_with(2)
        .says("[schemas] there is no schema shop")
        .says("[tables] there is no table or view public.u")
        .says("[columns] there is no column public.t.total")
        .says("remedy: correct the names");
}

#[test]
fn a_wrong_password_a_host_that_is_not_there_and_a_wrong_database_are_connection_errors() {
    let source = source(TABLE);
    let uri = source.uri();
    let nowhere = uri.replace(source.name(), "no_such_database");
    let run = Wire9::bare().args(&["check", "--postgres", &nowhere]).run();
    run.ends_with(3).says("no_such_database").says("remedy: ");
    let closed = "postgresql://alice:s3cret@127.0.0.1:1/shop";
    let run = Wire9::bare().args(&["check", "--postgres", closed]).run();
    run.ends_with(3)
        .says("127.0.0.1")
        .says("remedy: ")
        .never_says("s3cret");
}
