//! Findings about texts, as a report shows them.

use super::super::bodies;
use super::*;
use crate::catalog::database::{Name, Relation, RelationKind, RoutineKind, Schema};
#[cfg(feature = "parser")]
use crate::profile::Fact;

fn routine(language: &str, header: &str, body: &str) -> Routine {
    let definition = format!(
        "CREATE OR REPLACE FUNCTION public.f({header}\n LANGUAGE {language}\nAS $function${body}$function$\n"
    );
    Routine {
        oid: 1,
        name: Name::new("public", "f"),
        arguments: String::new(),
        kind: RoutineKind::Function,
        language: language.to_owned(),
        definition: Some(definition),
        body: body.to_owned(),
        sql_body: None,
        returns: 0,
        is_trigger: false,
        security_definer: false,
        settings: Vec::new(),
        extension: None,
        comment: None,
    }
}

fn plpgsql(body: &str) -> Routine {
    routine("plpgsql", ") RETURNS void", body)
}

fn database(routines: Vec<Routine>) -> Database {
    let schema = Schema {
        oid: 1,
        name: "public".to_owned(),
        ..Schema::default()
    };
    let table = |name: &str| Relation::new(2, Name::new("public", name), RelationKind::Table);
    Database {
        schemas: vec![schema],
        relations: vec![table("users")],
        routines,
        ..Database::default()
    }
}

/// The findings as `id: detail`.
#[cfg(feature = "parser")]
fn found_for(database: &Database, profile: &Profile) -> Vec<String> {
    let findings = bodies(database, profile);
    findings
        .iter()
        .map(|f| format!("{}: {}", f.kind.id, f.detail))
        .collect()
}

#[cfg(feature = "parser")]
fn found(routine: Routine) -> Vec<String> {
    found_for(&database(vec![routine]), &Profile::db9_documented())
}

#[test]
fn a_routine_in_another_language_is_refused_or_not_checked() {
    let perl = routine("plperl", ") RETURNS void", "while (1) {}");
    let profile = Profile::db9_documented();
    let refused = refused_features(&perl, &profile);
    assert_eq!(refused[0].what, "the language plperl");
    assert!(refused_features(&perl, &Profile::postgresql()).is_empty());
    let database = database(vec![perl]);
    assert!(
        bodies(&database, &profile).is_empty(),
        "the conversion tells"
    );
    let findings = bodies(&database, &Profile::postgresql());
    assert_eq!(findings[0].kind.id, "not-checked");
    assert_eq!(findings[0].detail, "a body in plperl is not read");
}

#[cfg(not(feature = "parser"))]
#[test]
fn without_the_parser_every_text_is_named_as_not_checked() {
    let mut database = database(vec![plpgsql("BEGIN NULL; END")]);
    let mut view = Relation::new(3, Name::new("public", "v"), RelationKind::View);
    view.query = Some(" SELECT 1;".to_owned());
    database.relations.push(view);
    let findings = bodies(&database, &Profile::db9_documented());
    let objects: Vec<&str> = findings.iter().map(|f| f.object.as_str()).collect();
    assert_eq!(objects, ["function public.f()", "view public.v"]);
    assert!(findings.iter().all(|f| f.kind.id == "not-checked"));
}

#[cfg(feature = "parser")]
mod with_the_parser {
    use super::*;

    #[test]
    fn a_plain_body_has_no_finding() {
        let body = "\nDECLARE\n  total numeric := 0;\n  r record;\nBEGIN\n  -- WHILE EXECUTE EXCEPTION\n  IF total > 0 THEN\n    total := 'WHILE'::text || 1;\n  ELSIF total < 0 THEN\n    PERFORM lower('EXECUTE');\n  END IF;\n  FOR r IN SELECT id FROM public.users LOOP\n    RAISE NOTICE 'EXCEPTION %', r.id;\n  END LOOP;\n  FOR i IN 1..10 LOOP total := total + i; END LOOP;\n  RETURN;\nEND\n";
        assert_eq!(found(plpgsql(body)), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_is_found_with_its_lines() {
        let body = "\nDECLARE\n  c CURSOR FOR SELECT 1;\nBEGIN\n  WHILE true LOOP\n    EXECUTE 'SELECT 1';\n  END LOOP;\n  BEGIN\n    NULL;\n  EXCEPTION WHEN others THEN\n    RAISE EXCEPTION 'x';\n  END;\n  OPEN c;\n  WHILE false LOOP NULL; END LOOP;\nEXCEPTION\n  WHEN others THEN NULL;\nEND\n";
        let routine = plpgsql(body);
        assert_eq!(
            found(routine.clone()),
            [
                "plpgsql-cursor: CURSOR (lines 3, 13)",
                "plpgsql-exception: EXCEPTION (lines 10, 15)",
                "plpgsql-execute: EXECUTE (line 6)",
                "plpgsql-while: WHILE (lines 5, 14)",
            ]
        );
        let refused = refused_features(&routine, &Profile::db9_documented());
        let words: Vec<&str> = refused.iter().map(|r| r.what.as_str()).collect();
        assert_eq!(words, ["CURSOR", "EXCEPTION", "EXECUTE", "WHILE"]);
        assert_eq!(refused[3].lines, [5, 14]);
        assert!(refused_features(&routine, &Profile::postgresql()).is_empty());
    }

    #[test]
    fn a_handler_inside_of_a_handler_has_its_own_line() {
        let body = "BEGIN\nNULL;\nEXCEPTION WHEN others THEN\nBEGIN\nNULL;\nEXCEPTION WHEN others THEN NULL;\nEND;\nEND";
        assert_eq!(
            found(plpgsql(body)),
            ["plpgsql-exception: EXCEPTION (lines 3, 6)"]
        );
    }

    #[test]
    fn what_no_document_names_is_a_note_unless_a_probe_knows() {
        let body = "DECLARE x int;\nBEGIN\nFOREACH x IN ARRAY ARRAY[1] LOOP\nCONTINUE WHEN x > 1;\nEND LOOP;\nGET DIAGNOSTICS x = ROW_COUNT;\nASSERT x > 0;\nCASE x WHEN 1 THEN NULL; ELSE NULL; END CASE;\nLOOP EXIT; END LOOP;\nEND";
        let notes = found(plpgsql(body));
        let words: Vec<&str> = notes
            .iter()
            .map(|note| note.strip_prefix("plpgsql-undocumented: ").unwrap())
            .collect();
        assert_eq!(
            words,
            [
                "ASSERT (line 7)",
                "CASE (line 8)",
                "CONTINUE (line 4)",
                "EXIT (line 9)",
                "FOREACH (line 3)",
                "GET DIAGNOSTICS (line 6)",
                "LOOP (line 9)",
            ]
        );
        let mut profile = Profile::db9_documented();
        profile.plpgsql_missing = Some(Fact::probed(vec!["foreach".to_owned()]));
        assert_eq!(
            found_for(&database(vec![plpgsql(body)]), &profile),
            ["plpgsql-missing: FOREACH (line 3)"]
        );
    }

    #[test]
    fn every_kind_of_row_type_is_read() {
        let header =
            "a public.mood, u public.users, OUT b public.mood, OUT c public.users) RETURNS record";
        let body = "DECLARE\n v public.mood; r public.users%ROWTYPE; w public.users; x public.users.id%TYPE; m mood[];\nBEGIN\n SELECT id, name INTO x, v FROM public.users;\n r.id := 1; w.id := u.id; c.id := 2; b := a; m[1] := v;\n SELECT 1, 2 INTO b, x;\n WHILE true LOOP NULL; END LOOP;\nEND";
        assert_eq!(
            found(routine("plpgsql", header, body)),
            ["plpgsql-while: WHILE (line 7)"]
        );
    }

    #[test]
    fn odd_signatures_are_read() {
        for (header, body) in [
            (
                "p public.ordered) RETURNS public.ordered[]",
                "BEGIN RETURN ARRAY[p]; END",
            ),
            ("VARIADIC b text[]) RETURNS text", "BEGIN RETURN b[1]; END"),
            (
                "anyelement) RETURNS anyelement",
                "DECLARE r $0%TYPE; BEGIN RETURN $1; END",
            ),
            (
                "OUT a int, OUT b public.pair)",
                "BEGIN b.q := 2; b := ROW(1, 2); RETURN; END",
            ),
            (
                "a int) RETURNS TABLE (x int, y public.mood)",
                "BEGIN x := 1; y := 'a'; END",
            ),
            (
                ") RETURNS void",
                "<<b>> DECLARE c public.pair; BEGIN b.c := ROW(1, 2); b.c.q := 1; END",
            ),
            (
                ") RETURNS void",
                "#variable_conflict use_column\nDECLARE v int; w v%TYPE; BEGIN w := 1; END",
            ),
        ] {
            let findings = found(routine("plpgsql", header, body));
            assert_eq!(findings, Vec::<String>::new(), "{header}");
        }
    }

    #[test]
    fn functions_of_triggers_are_read() {
        let body = "BEGIN\n IF TG_OP = 'DELETE' AND TG_NARGS > 0 THEN RETURN OLD; END IF;\n NEW.changed := now();\n IF NEW IS DISTINCT FROM OLD THEN PERFORM pg_notify('a', TG_ARGV[0]); END IF;\n RETURN NEW;\nEND";
        assert_eq!(
            found(routine("plpgsql", ") RETURNS trigger", body)),
            ["listen-notify: pg_notify (line 4)"]
        );
        let body = "BEGIN\n RAISE NOTICE '% %', tg_event, tg_tag;\nEND";
        let event = routine("plpgsql", ") RETURNS event_trigger", body);
        assert_eq!(found(event), Vec::<String>::new());
    }

    #[test]
    fn a_body_that_can_not_be_read_is_named() {
        let findings = found(plpgsql("BEGIN\n SELEC 1;\nEND"));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("not-checked: "), "{findings:?}");
        let findings = found(routine("sql", ") RETURNS void", "SELECT 'secret' 'x'"));
        assert!(findings[0].starts_with("not-checked: "), "{findings:?}");
        assert!(!findings[0].contains("secret"), "{findings:?}");
    }

    #[test]
    fn sql_in_bodies_is_looked_through() {
        let body = "\nBEGIN\n  PERFORM pg_notify('a', 'b');\n  NOTIFY a;\n  PERFORM pg_advisory_xact_lock(1);\n  PERFORM 1 FROM public.users TABLESAMPLE system (1);\n  DELETE FROM public.users\n   WHERE ctid = '(0,1)';\n  PERFORM lo_create(0), pg_export_snapshot();\n  PERFORM 1 FROM public.users FOR UPDATE SKIP LOCKED;\n  TRUNCATE public.users CASCADE;\n  SET LOCAL session_replication_role = replica;\n  PERFORM public.gone(1);\n  PERFORM 1 FROM public.not_there, nowhere, public.users;\n  CREATE TEMP TABLE t (a int);\n  INSERT INTO t VALUES (1);\n  SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nEND";
        assert_eq!(
            found(plpgsql(body)),
            [
                "listen-notify: pg_notify (line 3)",
                "listen-notify: NOTIFY (line 4)",
                "advisory-lock-call: pg_advisory_xact_lock (line 5)",
                "tablesample: TABLESAMPLE (line 6)",
                "system-column: ctid (line 8)",
                "large-object-function: lo_create (line 9)",
                "undocumented-function: pg_export_snapshot (line 9)",
                "skip-locked: SKIP LOCKED (line 10)",
                "truncate-form: TRUNCATE … CASCADE (line 11)",
                "session-replication-role: session_replication_role (line 12)",
                "broken-function-call: public.gone (line 13)",
                "broken-reference: public.not_there (line 14)",
                "broken-reference: nowhere (line 14)",
                "undocumented-sql: a temporary table (line 15)",
                "serializable-in-text: SERIALIZABLE (line 17)",
            ]
        );
        let known = found_for(&database(vec![plpgsql(body)]), &Profile::postgresql());
        let broken = |finding: &String| finding.starts_with("broken-");
        assert!(known.iter().all(broken), "{known:?}");
    }

    #[test]
    fn functions_of_missing_extensions_are_found_in_bodies_views_and_defaults() {
        let mut crypt = routine("c", "text) RETURNS text", "crypt");
        crypt.name = Name::new("public", "crypt");
        crypt.extension = Some("pgcrypto".to_owned());
        let mut database = database(vec![
            crypt,
            routine("sql", ") RETURNS text", "\nSELECT public.crypt('a')"),
        ]);
        let mut view = Relation::new(3, Name::new("public", "v"), RelationKind::View);
        view.query = Some(
            " SELECT public.crypt('a'::text) AS c, users.xmin\n   FROM public.users;".to_owned(),
        );
        database.relations.push(view);
        assert_eq!(
            found_for(&database, &Profile::db9_documented()),
            [
                "extension-function: crypt of pgcrypto (line 2)",
                "extension-function: crypt of pgcrypto",
                "system-column: xmin",
            ]
        );
        let mut profile = Profile::db9_documented();
        profile.extensions = Some(Fact::probed(vec!["pgcrypto".to_owned()]));
        assert_eq!(found_for(&database, &profile), ["system-column: xmin"]);
    }

    #[test]
    fn functions_that_the_profile_lists_as_missing_are_found() {
        let mut profile = Profile::db9_documented();
        profile.missing_functions = Some(Fact::probed(vec!["jsonb_path_query".to_owned()]));
        let sql = routine(
            "sql",
            ") RETURNS void",
            "SELECT jsonb_path_query('{}', '$')",
        );
        assert_eq!(
            found_for(&database(vec![sql.clone()]), &profile),
            ["missing-function: jsonb_path_query (line 1)"]
        );
        assert_eq!(refused_features(&sql, &profile)[0].what, "jsonb_path_query");
    }
}
