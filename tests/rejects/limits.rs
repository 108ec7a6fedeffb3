//! `--on-error stop`, `--max-rejects`, files that are not there.

use std::fs;

use testenv::standin::Limits;

use crate::scene::{Scene, Target, WIDE_BAD, wide};

#[test]
fn without_being_asked_the_first_bad_row_ends_the_run_and_leaves_no_file() {
    let scene = wide();
    let run = scene
        .copy_with(&[])
        .run()
        .ends_with(5)
        .says("--on-error reject");
    drop(run);
    assert!(!scene.folder().exists());
    scene.copy().run().ends_with(5);
    assert_eq!(scene.nothing_is_lost("wide", ""), WIDE_BAD);
}

#[test]
fn more_rejects_than_allowed_end_the_run_and_a_higher_limit_continues_it() {
    let scene = wide();
    let limited = |limit| scene.copy_with(&["--on-error", "reject", "--max-rejects", limit]);
    let run = limited("7").run().ends_with(5);
    run.says("--max-rejects is 7")
        .says("public.wide")
        .says("raise --max-rejects");
    assert!(scene.records("wide").len() <= 7);
    limited("0.5%")
        .run()
        .ends_with(5)
        .says("--max-rejects is 0.5%");
    limited("21").run().ends_with(5).says("21 rows rejected");
    assert_eq!(scene.nothing_is_lost("wide", ""), WIDE_BAD);
}

#[test]
fn a_limit_in_percent_that_is_kept_lets_the_run_end() {
    let scene = wide();
    let limit = ["--on-error", "reject", "--max-rejects", "3%"];
    scene
        .copy_with(&limit)
        .run()
        .ends_with(5)
        .says("21 rows rejected");
    assert_eq!(scene.nothing_is_lost("wide", ""), WIDE_BAD);
}

#[test]
fn a_limit_that_is_none_is_a_usage_error() {
    let scene = wide();
    for limit in ["x", "-1", "101%", "%"] {
        let argument = format!("--max-rejects={limit}");
        scene.copy_with(&[&argument]).run().ends_with(2);
    }
}

#[test]
fn a_run_whose_rejects_are_gone_is_refused_by_their_names_until_it_begins_anew() {
    let scene = wide();
    let limited = |limit| scene.copy_with(&["--on-error", "reject", "--max-rejects", limit]);
    limited("12").run().ends_with(5);
    let kept = scene.records("wide").len();
    assert!(kept > 0, "some were committed");
    let aside = scene.folder().with_extension("aside");
    fs::rename(scene.folder(), &aside).expect("it is moved");
    scene
        .copy()
        .run()
        .ends_with(4)
        .says("rows that this run rejected are not in")
        .says("public.wide");
    fs::rename(&aside, scene.folder()).expect("it is moved back");
    // Cut by a byte: not whole.
    let file = scene.file("wide");
    fs::write(scene.path("wide", "copy"), &file[..file.len() - 1]).expect("it is cut");
    scene.copy().run().ends_with(4).says("public.wide");
    let run = scene.copy().arg("--restart").run().ends_with(5);
    run.says("dropping the files of rejected rows of: public.wide");
    assert_eq!(scene.nothing_is_lost("wide", ""), WIDE_BAD);
}

#[test]
fn files_of_another_run_are_not_touched() {
    let (one, other) = (wide(), wide());
    one.copy().run().ends_with(5);
    let before = one.file("wide");
    let folder = one.folder();
    let run = other.copy().args(&["--rejects", &folder.to_string_lossy()]);
    drop(run);
    fs::create_dir_all(other.folder()).expect("it is made");
    for ending in ["copy", "jsonl"] {
        fs::copy(one.path("wide", ending), other.path("wide", ending)).expect("it is copied");
    }
    let run = other.copy().run().ends_with(4);
    run.says("rejected rows of another run: public.wide");
    assert_eq!(other.file("wide"), before);
    let there = "SELECT count(*) FROM pg_namespace WHERE nspname = 'wire9'";
    let there: u64 = other
        .target
        .database()
        .query_value(there)
        .expect("an answer");
    assert_eq!(there, 0, "nothing was written");
}

#[test]
fn status_and_verify_know_of_rejected_rows() {
    let scene = wide();
    scene.copy().run().ends_with(5);
    let target = scene.target.uri();
    let status = crate::harness::Wire9::bare().args(&["status", "--db9", &target]);
    status.run().ends_with(0).says("rejected: 21 rows");
    let source = scene.source.uri();
    let verify = |more: &[&str]| {
        let verify = ["verify", "--postgres", &source, "--db9", &target];
        crate::harness::Wire9::bare().args(&verify).args(more).run()
    };
    verify(&[])
        .ends_with(5)
        .says("21 rows of the source rejected");
    verify(&["--both"]).ends_with(6);
}

/// Several lanes write to one file: what one of them could not write to its end was no other process.
#[test]
fn a_disk_that_is_full_is_told_as_what_it_is_and_the_same_command_completes() {
    let columns = "CREATE TABLE wide (id integer, body text";
    let source = format!(
        "{columns}); ALTER TABLE wide SET (fillfactor = 10); \
         INSERT INTO wide SELECT n, repeat(md5(n::text), 24) FROM generate_series(1, 5000) n; \
         ANALYZE wide"
    );
    let tables = format!("{columns}, CONSTRAINT few CHECK (id % 50 <> 0))");
    let scene = Scene::new(&source, Target::standin(Limits::default(), &tables));
    let scene = scene.arguments(&["--jobs", "4", "--max-memory", "2MiB"]);
    // In the first run files are made, in the next ones they are there.
    for _ in 0..3 {
        let run = scene.copy().longest_file(30).run().ends_with(5);
        let path = scene.path("wide", "copy");
        run.says("keeping a rejected row of table public.wide")
            .says(&path.to_string_lossy())
            .says("File too large")
            .says("make room on the disk of --rejects")
            .never_says("another process");
    }
    let run = scene.copy().run().ends_with(5);
    assert!(run.planned("public.wide")["chunks"].as_u64() > Some(1));
    assert_eq!(scene.nothing_is_lost("wide", ""), 100);
}
