//! Rewrites and names, as callers see them.

use super::*;

fn names(pairs: &[(&str, &str)]) -> Rewrites {
    let name = |text: &str| {
        let (schema, name) = text.split_once('.').unwrap();
        Name::new(schema, name)
    };
    Rewrites {
        names: pairs.iter().map(|(a, b)| (name(a), name(b))).collect(),
        ..Rewrites::default()
    }
}

fn schemas(pairs: &[(&str, &str)]) -> Rewrites {
    let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    Rewrites {
        schemas: pairs.iter().map(owned).collect(),
        ..Rewrites::default()
    }
}

fn types(pairs: &[(&str, &str)]) -> Rewrites {
    let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    Rewrites {
        types: pairs.iter().map(owned).collect(),
        ..Rewrites::default()
    }
}

fn nextval() -> Rewrites {
    Rewrites {
        plain_nextval: true,
        ..Rewrites::default()
    }
}

#[test]
fn a_text_that_is_not_concerned_stays_as_it_is_even_if_it_is_no_sql() {
    let all = Rewrites {
        plain_nextval: true,
        ..names(&[("public.users", "app.accounts")])
    };
    for text in ["1 +", "now()", "'a'::text  -- x", "(a)::numeric(3,1)"] {
        assert_eq!(expression(text, &all).unwrap(), text);
    }
}

#[test]
fn nextval_loses_its_cast_and_nothing_else() {
    for (before, after) in [
        ("nextval('public.s'::regclass)", "nextval('public.s')"),
        ("nextval(('s'::text)::regclass)", "nextval('s')"),
        ("nextval(CAST('s' AS pg_catalog.regclass))", "nextval('s')"),
        (
            "'a' || nextval('\"Odd S\".\"a b\"'::regclass)",
            "'a' || nextval('\"Odd S\".\"a b\"')",
        ),
        (
            "lpad((nextval('public.s'::regclass))::text, 5, '0'::text)",
            "lpad((nextval('public.s'))::text, 5, '0'::text)",
        ),
        ("nextval(x::regclass)", "nextval(x::regclass)"),
        (
            "currval('public.s'::regclass)",
            "currval('public.s'::regclass)",
        ),
    ] {
        assert_eq!(expression(before, &nextval()).unwrap(), after, "{before}");
    }
}

#[test]
fn names_inside_strings_that_are_cast_to_regclass_follow() {
    let moved = names(&[("public.s", "app.t")]);
    for (before, after) in [
        (
            "nextval('public.s'::regclass)",
            "nextval('\"app\".\"t\"'::regclass)",
        ),
        ("setval('public.s', 1)", "setval('\"app\".\"t\"', 1)"),
        ("'public.s'::text", "'public.s'::text"),
        (
            "('public.s'::text)::regclass",
            "('\"app\".\"t\"'::text)::regclass",
        ),
        ("regclass 'public.s'", "regclass '\"app\".\"t\"'"),
        ("E'public.\\x73'::regclass", "'\"app\".\"t\"'::regclass"),
    ] {
        assert_eq!(expression(before, &moved).unwrap(), after, "{before}");
    }
}

#[test]
fn types_in_casts_become_others_and_keep_their_modifiers() {
    let types = types(&[
        ("money", "numeric(19,2)"),
        ("character", "character varying"),
        ("public.email", "text"),
        ("inet[]", "jsonb"),
        ("timestamp with time zone", "timestamp without time zone"),
    ]);
    for (before, after) in [
        ("(0)::money", "(0)::numeric(19,2)"),
        ("'{}'::money[]", "'{}'::numeric(19,2)[]"),
        ("'a'::character(10)", "'a'::character varying(10)"),
        ("'a'::char", "'a'::character varying(1)"),
        ("'a'::bpchar", "'a'::character varying"),
        ("'a'::public.email", "'a'::text"),
        ("CAST('a' AS public.email)", "CAST('a' AS text)"),
        ("'{}'::inet[]", "'{}'::jsonb"),
        ("'::1'::inet", "'::1'::inet"),
        (
            "'x'::timestamp(3) with time zone",
            "'x'::timestamp(3) without time zone",
        ),
        ("money '1'", "numeric(19,2) '1'"),
        ("'money'::text", "'money'::text"),
        ("money > 1", "money > 1"),
        (
            "CHECK ((price > (0)::money))",
            "CHECK ((price > (0)::numeric(19,2)))",
        ),
    ] {
        assert_eq!(expression(before, &types).unwrap(), after, "{before}");
    }
}

#[test]
fn a_schema_moves_everywhere_and_a_column_of_its_name_does_not() {
    let moved = schemas(&[("app", "new app")]);
    for (before, after) in [
        ("app.f(a)", "\"new app\".\"f\"(a)"),
        ("'a'::app.mood", "'a'::\"new app\".\"mood\""),
        ("'app.s'::regclass", "'\"new app\".\"s\"'::regclass"),
        ("'app'::text", "'app'::text"),
    ] {
        assert_eq!(expression(before, &moved).unwrap(), after, "{before}");
    }
}

#[test]
fn names_of_an_expression_are_told() {
    let found = names_in_expression(
        "public.f(a, lower(b)) || ('x'::public.mood)::text || nextval('public.s'::regclass)",
    )
    .unwrap();
    assert!(found.functions.contains(&Name::new("public", "f")));
    assert!(found.functions.contains(&Name::new("", "lower")));
    assert!(found.types.contains(&"public.mood".to_owned()));
    assert!(found.types.contains(&"text".to_owned()));
}

#[cfg(feature = "parser")]
mod with_the_parser {
    use super::*;

    #[test]
    fn a_renamed_table_keeps_its_old_name_as_alias_where_columns_are_called_by_it() {
        let moved = names(&[("public.users", "app.accounts")]);
        for (before, after) in [
            (
                "SELECT users.id FROM public.users WHERE users.name ~~ 'public.users'::text",
                "SELECT users.id FROM \"app\".\"accounts\" AS \"users\" WHERE users.name ~~ 'public.users'::text",
            ),
            (
                "SELECT id FROM public.users",
                "SELECT id FROM \"app\".\"accounts\"",
            ),
            (
                "SELECT u.id FROM public.users u JOIN ONLY (public.users) ON u.id = users.id",
                "SELECT u.id FROM \"app\".\"accounts\" u JOIN ONLY (\"app\".\"accounts\") AS \"users\" ON u.id = users.id",
            ),
            (
                "SELECT public.users.id, public.users.* FROM public.users",
                "SELECT \"users\".id, \"users\".* FROM \"app\".\"accounts\" AS \"users\"",
            ),
            (
                "INSERT INTO public.users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = users.id",
                "INSERT INTO \"app\".\"accounts\" AS \"users\" (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = users.id",
            ),
            (
                "WITH users AS (SELECT 1 AS id) SELECT users.id FROM users, other.users u2",
                "WITH users AS (SELECT 1 AS id) SELECT users.id FROM users, other.users u2",
            ),
            (
                "CREATE TRIGGER t AFTER INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.g('public.users')",
                "CREATE TRIGGER t AFTER INSERT ON \"app\".\"accounts\" FOR EACH ROW EXECUTE FUNCTION public.g('public.users')",
            ),
            (
                "ALTER TABLE public.a ADD CONSTRAINT b FOREIGN KEY (c) REFERENCES public.users(id)",
                "ALTER TABLE public.a ADD CONSTRAINT b FOREIGN KEY (c) REFERENCES \"app\".\"accounts\"(id)",
            ),
        ] {
            assert_eq!(statement(before, &moved).unwrap(), after);
        }
    }

    #[test]
    fn an_error_does_not_tell_the_values_in_the_text() {
        let moved = names(&[("public.users", "app.accounts")]);
        let error = statement("SELECT 'a' 'secret' FROM public.users", &moved).unwrap_err();
        assert!(!error.0.contains("secret"), "{error}");
    }

    #[test]
    fn a_column_that_looks_like_a_renamed_table_stays() {
        let moved = names(&[("u.name", "app.accounts")]);
        for text in [
            "SELECT u.name FROM public.users u",
            "UPDATE public.users u SET name = u.name",
            "INSERT INTO x (u.name) VALUES (1)",
            "SELECT (u).name, (u.name).x FROM public.users u",
        ] {
            assert_eq!(statement(text, &moved).unwrap(), text);
        }
    }

    #[test]
    fn a_table_without_its_schema_that_moves_is_not_guessed() {
        let moved = names(&[("public.users", "app.accounts")]);
        let error = statement("SELECT id FROM users", &moved).unwrap_err();
        assert!(error.0.contains("users"), "{error}");
    }

    #[test]
    fn definitions_follow_their_types() {
        let types = types(&[("money", "numeric(19,2)"), ("public.email", "text")]);
        assert_eq!(
            statement(
                "CREATE FUNCTION public.f(money money, e public.email DEFAULT 'x'::public.email) RETURNS SETOF money LANGUAGE sql AS $$SELECT money::money$$",
                &types
            )
            .unwrap(),
            "CREATE FUNCTION public.f(money numeric(19,2), e text DEFAULT 'x'::text) RETURNS SETOF numeric(19,2) LANGUAGE sql AS $$SELECT money::numeric(19,2)$$"
        );
        assert_eq!(
            statement(
                "CREATE FUNCTION public.f() RETURNS TABLE(money money, n integer, m money) LANGUAGE sql AS $$SELECT 1$$",
                &types
            )
            .unwrap(),
            "CREATE FUNCTION public.f() RETURNS TABLE(money numeric(19,2), n integer, m numeric(19,2)) LANGUAGE sql AS $$SELECT 1$$"
        );
    }

    #[test]
    fn an_sql_body_is_rewritten_and_quoted_again() {
        let moved = names(&[("public.users", "app.o'hara")]);
        assert_eq!(
            statement(
                "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql SET search_path TO 'public' AS 'SELECT count(*) FROM public.users WHERE a = ''x'''",
                &moved
            )
            .unwrap(),
            "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql SET search_path TO 'public' AS 'SELECT count(*) FROM \"app\".\"o''hara\" WHERE a = ''x'''"
        );
        let moved = schemas(&[("public", "app")]);
        assert_eq!(
            statement(
                "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql SET search_path TO 'public', 'pg_temp' BEGIN ATOMIC SELECT count(*) FROM public.users; END",
                &moved
            )
            .unwrap(),
            "CREATE FUNCTION \"app\".\"f\"() RETURNS bigint LANGUAGE sql SET search_path TO \"app\", 'pg_temp' BEGIN ATOMIC SELECT count(*) FROM \"app\".\"users\"; END"
        );
    }

    #[test]
    fn a_schema_that_stands_alone_moves_too() {
        let moved = schemas(&[("app", "b")]);
        for (before, after) in [
            ("CREATE SCHEMA app", "CREATE SCHEMA \"b\""),
            (
                "CREATE SCHEMA IF NOT EXISTS app",
                "CREATE SCHEMA IF NOT EXISTS \"b\"",
            ),
            (
                "GRANT USAGE ON SCHEMA app TO app",
                "GRANT USAGE ON SCHEMA \"b\" TO app",
            ),
            ("SELECT schema app FROM x.t", "SELECT schema app FROM x.t"),
            (
                "SELECT a OPERATOR(app.+) 1, app.* FROM x.app",
                "SELECT a OPERATOR(\"b\".+) 1, app.* FROM x.app",
            ),
            (
                "COMMENT ON OPERATOR app.=== (integer, integer) IS 'x'",
                "COMMENT ON OPERATOR \"b\".=== (integer, integer) IS 'x'",
            ),
        ] {
            assert_eq!(statement(before, &moved).unwrap(), after);
        }
    }

    #[test]
    fn a_text_nested_too_deeply_for_the_tree_is_rewritten_by_its_words() {
        let many = vec!["a::money"; 200].join(" + ");
        let text = expression(&many, &types(&[("money", "numeric")])).unwrap();
        assert_eq!(text, vec!["a::numeric"; 200].join(" + "));
        let moved = schemas(&[("public", "app")]);
        let many = vec!["public.f(1)"; 5_000].join(" || ");
        assert!(
            expression(&many, &moved)
                .unwrap()
                .starts_with("\"app\".\"f\"(1) || ")
        );
    }

    #[test]
    fn names_of_statements_are_told_in_bodies_too() {
        let found = names_in_statement(
            "CREATE FUNCTION public.f(a public.mood) RETURNS integer LANGUAGE sql AS $$ WITH t AS (SELECT 1) SELECT public.g(x) FROM public.users, t $$",
        )
        .unwrap();
        assert_eq!(found.relations, [Name::new("public", "users")]);
        assert_eq!(found.functions, [Name::new("public", "g")]);
        assert_eq!(found.types, ["integer", "public.mood"]);
    }

    const BODY: &str = r#"CREATE FUNCTION public.f(a public.mood, u public.users) RETURNS SETOF public.users
 LANGUAGE plpgsql
AS $function$
DECLARE
  v public.mood := 'ok'::public.mood;  -- public.mood
  r public.users%ROWTYPE;
  x public.users.id%TYPE;
  amount CONSTANT money := 0::money;
  c CURSOR (k public.mood) FOR SELECT * FROM public.users WHERE mood = k;
BEGIN
  SELECT users.id, mood INTO STRICT x, v FROM public.users WHERE users.id = u.id;
  r.id := public.g(x) + nextval('public.s'::regclass);
  IF r.id > 1 THEN
    UPDATE public.users SET mood = 'sad'::public.mood WHERE id = x RETURNING id INTO x;
  END IF;
  FOR r IN SELECT * FROM public.users LOOP
    RETURN NEXT r;
  END LOOP;
  PERFORM public.g(users.id) FROM public.users;
  RAISE NOTICE 'public.users %', x;
END
$function$"#;

    #[test]
    fn a_plpgsql_body_is_rewritten_in_its_statements_and_declarations() {
        let mut all = names(&[("public.users", "app.accounts"), ("public.s", "app.t")]);
        all.types = types(&[("public.mood", "text"), ("money", "numeric(19,2)")]).types;
        all.plain_nextval = true;
        let text = statement(BODY, &all).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for line in [
            "CREATE FUNCTION public.f(a text, u \"app\".\"accounts\") RETURNS SETOF \"app\".\"accounts\"",
            "v text := 'ok'::text;  -- public.mood",
            "r \"app\".\"accounts\"%ROWTYPE;",
            "x \"app\".\"accounts\".id%TYPE;",
            "amount CONSTANT numeric(19,2) := 0::numeric(19,2);",
            "c CURSOR (k text) FOR SELECT * FROM \"app\".\"accounts\" WHERE mood = k;",
            "SELECT users.id, mood INTO STRICT x, v FROM \"app\".\"accounts\" AS \"users\" WHERE users.id = u.id;",
            "r.id := public.g(x) + nextval('\"app\".\"t\"');",
            "UPDATE \"app\".\"accounts\" SET mood = 'sad'::text WHERE id = x RETURNING id INTO x;",
            "FOR r IN SELECT * FROM \"app\".\"accounts\" LOOP",
            "PERFORM public.g(users.id) FROM \"app\".\"accounts\" AS \"users\";",
            "RAISE NOTICE 'public.users %', x;",
        ] {
            assert!(lines.contains(&line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_body_that_makes_its_sql_from_strings_is_not_rewritten() {
        let moved = names(&[("public.users", "app.accounts")]);
        let body = "CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'DELETE FROM public.users'; END$$";
        let error = statement(body, &moved).unwrap_err();
        assert!(error.0.contains("strings"), "{error}");
        let other = body.replace("public.users", "public.other");
        assert_eq!(statement(&other, &moved).unwrap(), other);
    }

    #[test]
    fn names_of_a_plpgsql_body_are_told() {
        let found = names_in_statement(BODY).unwrap();
        assert!(found.relations.contains(&Name::new("public", "users")));
        assert!(found.functions.contains(&Name::new("public", "g")));
        assert!(found.types.contains(&"public.mood".to_owned()));
    }
}
