//! What is certain to be refused, and what is not said to be.

use super::*;

/// `hosts (addr inet, net cidr, busy int4range, home public.address, list inet[], mood public.mood, flags bit,
/// name text, kept cidr[], card public.card)` and `people (id integer, addr text)`; `list` becomes a text, `kept`
/// an array of texts, `card` stays and its field `addr` becomes a text.
struct Sample;

/// Functions of users in the schema `app`.
const FUNCTIONS: [(&str, &str); 9] = [
    ("first", "(a text) RETURNS inet LANGUAGE sql AS ''"),
    (
        "all",
        "(OUT a inet, OUT n integer) RETURNS SETOF record LANGUAGE plpgsql AS ''",
    ),
    (
        "table",
        "(n integer DEFAULT 1) RETURNS TABLE (n integer, a inet) LANGUAGE plpgsql AS ''",
    ),
    ("rows", "() RETURNS SETOF hosts LANGUAGE sql AS ''"),
    (
        "list",
        "(VARIADIC a text[]) RETURNS inet[] LANGUAGE sql AS ''",
    ),
    (
        "same",
        "(a integer, b anyelement) RETURNS anyelement LANGUAGE sql AS ''",
    ),
    ("one", "(a anyarray) RETURNS anyelement LANGUAGE sql AS ''"),
    ("either", "(a text) RETURNS inet LANGUAGE sql AS ''"),
    ("either", "(a integer) RETURNS text LANGUAGE sql AS ''"),
];

fn lost(name: &str) -> Option<Lost> {
    let family = match name {
        "public.address" => Family::Composite,
        "public.mood" => Family::Enum,
        "inet[]" | "cidr[]" | "public.address[]" => Family::Array,
        "public.card" => Family::Composite,
        "inet" | "cidr" | "int4range" | "bit" | "xml" | "money" | "point" | "jsonb" => {
            Family::of_name(name)
        }
        _ => return None,
    };
    let becomes = match name {
        "money" => "numeric",
        "cidr[]" | "public.address[]" => "text[]",
        "public.card" => "public.card",
        _ => "text",
    };
    let inside = match name {
        "cidr[]" | "public.address[]" => {
            let element = lost(name.trim_end_matches("[]")).expect("it is lost");
            Inside::Elements(Box::new(element))
        }
        "public.card" => Inside::Fields(columns(&[("addr", "inet"), ("name", "text")])),
        _ => Inside::Nothing,
    };
    Some(Lost {
        name: name.to_owned(),
        family,
        becomes: becomes.to_owned(),
        inside,
    })
}

fn columns(types: &[(&str, &str)]) -> Columns {
    let columns = types.iter();
    Columns {
        columns: columns
            .map(|(name, data_type)| ((*name).to_owned(), lost(data_type)))
            .collect(),
        more: false,
    }
}

impl World for Sample {
    fn columns(&self, relation: &Name) -> Option<Columns> {
        let types: &[(&str, &str)] = match relation.name.as_str() {
            "hosts" => &[
                ("addr", "inet"),
                ("net", "cidr"),
                ("busy", "int4range"),
                ("home", "public.address"),
                ("list", "inet[]"),
                ("mood", "public.mood"),
                ("flags", "bit"),
                ("doc", "xml"),
                ("price", "money"),
                ("place", "point"),
                ("data", "jsonb"),
                ("name", "text"),
                ("homes", "public.address[]"),
                ("kept", "cidr[]"),
                ("card", "public.card"),
            ],
            "people" => &[("id", "integer"), ("addr", "text")],
            _ => return None,
        };
        Some(columns(types))
    }

    fn becomes(&self, type_sql: &str) -> Option<Lost> {
        if let Some(element) = type_sql.strip_suffix("[]") {
            return lost(element).map(Lost::array);
        }
        let row = || self.columns(&Name::new("", type_sql))?.row(type_sql);
        lost(type_sql).or_else(row)
    }

    fn returns(&self, function: &Name, arguments: &[Option<Lost>]) -> Option<Lost> {
        let named = FUNCTIONS.iter();
        let named = named.filter(|(name, _)| function.schema == "app" && *name == function.name);
        let mut results: Vec<_> = named
            .filter_map(|(_, rest)| Signature::of(&format!("CREATE FUNCTION app.f{rest}"), self))
            .filter(|signature| signature.takes(arguments.len()))
            .map(|signature| signature.result(arguments))
            .collect();
        results.dedup();
        match results.as_slice() {
            [only] => only.clone(),
            _ => None,
        }
    }

    fn has_function(&self, name: &str) -> bool {
        name == "broadcast"
    }

    fn has_operator(&self, name: &str) -> bool {
        name == "&&"
    }
}

fn misuse(query: &str) -> Option<String> {
    view(query, &Sample).err().map(|misuse| misuse.to_string())
}

#[track_caller]
fn refused(query: &str, what: &str) {
    assert_eq!(misuse(query).as_deref(), Some(what), "{query}");
}

#[track_caller]
fn taken(query: &str) {
    assert_eq!(misuse(query), None, "{query}");
}

#[test]
fn functions_of_the_type_alone_are_refused_wherever_they_stand() {
    let host = "host() of inet, which becomes text";
    for query in [
        "SELECT host(addr) FROM hosts",
        "SELECT host(h.addr) FROM public.hosts h WHERE true",
        "SELECT 1 FROM hosts WHERE host(addr) = '1'",
        "SELECT 1 FROM hosts h JOIN people p ON p.addr = host(h.addr)",
        "SELECT count(*) FROM hosts GROUP BY host(addr)",
        "SELECT name FROM hosts ORDER BY host(addr)",
        "SELECT count(*) FILTER (WHERE host(addr) = 'x') FROM hosts",
        "SELECT rank() OVER (PARTITION BY host(addr)) FROM hosts",
        "SELECT CASE WHEN true THEN host(addr) ELSE 'x' END FROM hosts",
        "SELECT (SELECT host(hosts.addr)) FROM hosts",
        "SELECT 1 FROM people p WHERE EXISTS (SELECT 1 FROM hosts WHERE host(addr) = p.addr)",
        "WITH h AS (SELECT addr AS a FROM hosts) SELECT host(a) FROM h",
        "WITH RECURSIVE r(a, n) AS (SELECT addr, 1 FROM hosts UNION ALL SELECT a, n + 1 FROM r) SELECT host(a) FROM r",
        "SELECT host(x.a) FROM (SELECT addr FROM hosts UNION SELECT addr FROM hosts) x(a)",
        "SELECT host(max(addr)) FROM hosts",
        "SELECT host(coalesce(addr, '::1')) FROM hosts",
        "SELECT host('10.0.0.1'::inet)",
        "SELECT host(j.addr) FROM (people JOIN hosts USING (addr)) j",
        "SELECT l.x FROM hosts h, LATERAL (SELECT host(h.addr) AS x) l",
        "SELECT 1 FROM hosts, generate_series(1, length(host(addr)))",
        "SELECT pg_catalog.host(addr) FROM hosts",
        "VALUES (host('1'::inet))",
    ] {
        if query.contains("USING") {
            // Which of the two columns it is, is not known.
            taken(query);
        } else {
            refused(query, host);
        }
    }
}

#[test]
fn operators_fields_and_subscripts_of_the_type_are_refused() {
    for (expression, what) in [
        (
            "addr << '10.0.0.0/8'::inet",
            "operator << of inet, which becomes text",
        ),
        ("addr + 1", "operator + of inet, which becomes text"),
        ("~ addr", "operator ~ of inet, which becomes text"),
        ("busy @> 5", "operator @> of int4range, which becomes text"),
        ("5 <@ busy", "operator <@ of int4range, which becomes text"),
        ("lower(busy)", "lower() of int4range, which becomes text"),
        (
            "(home).street",
            "field street of public.address, which becomes text",
        ),
        (
            "(hosts.home).*",
            "fields of public.address, which becomes text",
        ),
        (
            "home = ROW('a', 1)",
            "comparison with a row of public.address, which becomes text",
        ),
        ("list[1]", "subscript of inet[], which becomes text"),
        (
            "list || '1.1.1.1'::inet",
            "operator || of inet[], which becomes text",
        ),
        (
            "'1.1.1.1'::inet = ANY (list)",
            "ANY or ALL of inet[], which becomes text",
        ),
        ("unnest(list)", "unnest() of inet[], which becomes text"),
        (
            "array_length(list, 1)",
            "array_length() of inet[], which becomes text",
        ),
        (
            "enum_range(mood)",
            "enum_range() of public.mood, which becomes text",
        ),
        (
            "enum_first(NULL::public.mood)",
            "enum_first() of public.mood, which becomes text",
        ),
        ("flags & B'1'", "operator & of bit, which becomes text"),
        (
            "flags::integer",
            "cast to a number of bit, which becomes text",
        ),
        ("xpath('/a', doc)", "xpath() of xml, which becomes text"),
        (
            "xmlconcat(doc, doc)",
            "XMLCONCAT of xml, which becomes text",
        ),
        ("doc IS DOCUMENT", "IS DOCUMENT of xml, which becomes text"),
        (
            "xmlserialize(CONTENT doc AS text)",
            "XMLSERIALIZE of xml, which becomes text",
        ),
        (
            "cash_words(price)",
            "cash_words() of money, which becomes numeric",
        ),
        ("place[0]", "subscript of point, which becomes text"),
        (
            "place <-> '(0,0)'",
            "operator <-> of point, which becomes text",
        ),
        ("box(place, place)", "box() of point, which becomes text"),
        ("data ->> 'a'", "operator ->> of jsonb, which becomes text"),
        (
            "jsonb_typeof(data)",
            "jsonb_typeof() of jsonb, which becomes text",
        ),
        (
            "max(addr) << '10.0.0.0/8'",
            "operator << of inet, which becomes text",
        ),
    ] {
        refused(&format!("SELECT {expression} FROM hosts"), what);
    }
    refused(
        "SELECT x.* FROM hosts h, XMLTABLE('/a' PASSING h.doc COLUMNS b text) x",
        "XMLTABLE of xml, which becomes text",
    );
    refused(
        "SELECT r.top FROM hosts h, LATERAL unnest(h.homes) r(top, bottom)",
        "unnest() into columns of public.address, which becomes text",
    );
}

#[test]
fn results_of_users_functions_are_what_their_headers_say() {
    let host = "host() of inet, which becomes text";
    for query in [
        "SELECT host(app.first(name)) FROM hosts",
        "SELECT host(x.a) FROM app.all() x",
        "SELECT host(x.b) FROM app.all() x(b, c)",
        "SELECT host((app.all()).a)",
        "SELECT host(t.a) FROM app.\"table\"() t",
        "SELECT host(t.a) FROM app.\"table\"(2) WITH ORDINALITY t(n, a, o)",
        "SELECT host(r.addr) FROM app.rows() r",
        "SELECT host(x) FROM app.first('x') x",
        "SELECT host((app.list('x', 'y'))[1])",
        "SELECT host(one.one) FROM unnest(app.list('x')) one(one)",
        "SELECT host(app.same(1, addr)) FROM hosts",
        "SELECT host(a) FROM (SELECT app.first('x')) x(a)",
    ] {
        refused(query, host);
    }
    let net = "host() of cidr, which becomes text";
    refused("SELECT host(app.one(kept)) FROM hosts", net);
    for query in [
        // One of two functions of that name returns what stays.
        "SELECT host(app.either(name)) FROM hosts",
        "SELECT host(app.first(1, 2))",
        "SELECT host(t.n) FROM app.\"table\"() t",
        "SELECT host(r.name) FROM app.rows() r",
        "SELECT host(app.same(1, name)) FROM hosts",
        "SELECT app.first(name)::text FROM hosts",
    ] {
        taken(query);
    }
}

#[test]
fn elements_and_fields_are_what_their_array_or_row_says() {
    let host = "host() of cidr, which becomes text";
    for query in [
        "SELECT host(unnest(kept)) FROM hosts",
        "SELECT host(u.x) FROM hosts, LATERAL unnest(kept) u(x)",
        "SELECT host(u) FROM hosts, unnest(kept) u",
        "SELECT host(u.x) FROM hosts, unnest(kept) WITH ORDINALITY u(x, n)",
        "SELECT host(u.y) FROM hosts, ROWS FROM (unnest(kept), unnest(kept)) u(x, y)",
        "SELECT host(u.y) FROM hosts, unnest(ARRAY[1], kept) u(x, y)",
        "SELECT host(kept[1]) FROM hosts",
        "SELECT host(kept[1][2]) FROM hosts",
        "SELECT host((kept[1:2])[1]) FROM hosts",
        "SELECT host((kept || net)[1]) FROM hosts",
        "SELECT host((array_append(kept, net))[1]) FROM hosts",
        "SELECT host((array_prepend(net, kept))[1]) FROM hosts",
        "SELECT host((ARRAY[net])[1]) FROM hosts",
        "SELECT host((array_agg(net))[1]) FROM hosts",
        "SELECT host((ARRAY(SELECT net FROM hosts))[1])",
        "SELECT host(('{}'::cidr[])[1])",
        "SELECT host((coalesce(kept, '{}'))[1]) FROM hosts",
    ] {
        // What stands in other columns stays.
        match query.contains("ARRAY[1]") {
            true => taken(query),
            false => refused(query, host),
        }
    }
    let host = "host() of inet, which becomes text";
    for query in [
        "SELECT host((card).addr) FROM hosts",
        "SELECT host(x.addr) FROM (SELECT (card).* FROM hosts) x",
        "SELECT host((ARRAY[card])[1].addr) FROM hosts",
        "SELECT host((h).addr) FROM hosts h",
        "SELECT host((h.*).addr) FROM hosts h",
    ] {
        refused(query, host);
    }
    for query in [
        "SELECT (card).name || 'x', card IS NULL, row_to_json(card) FROM hosts",
        "SELECT to_json(h), row_to_json(h), h = h FROM hosts h",
        "SELECT array_length(kept, 1), kept || kept, net = ANY (kept), kept @> ARRAY[net] FROM hosts",
        "SELECT cardinality(array_agg(net)) FROM hosts",
        "SELECT lower((card).name) FROM hosts",
    ] {
        taken(query);
    }
}

#[test]
fn columns_that_a_query_names_are_told_under_the_names_of_their_relations() {
    let named = |query: &str| {
        let (_, columns) = used(query, &Sample);
        let columns = columns
            .into_iter()
            .map(|(relation, column)| format!("{relation}.{column}"));
        columns.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        named("SELECT h.addr FROM app.hosts h WHERE h.net IS NULL"),
        "app.hosts.addr app.hosts.net"
    );
    assert_eq!(named("SELECT b FROM app.hosts h(a, b)"), "app.hosts.net");
    assert_eq!(
        named("SELECT x.id FROM (SELECT * FROM app.people) x JOIN app.hosts h USING (addr)"),
        "app.hosts.addr app.people.addr app.people.id"
    );
    assert_eq!(
        named("WITH hosts AS (SELECT 1 AS addr) SELECT addr FROM hosts"),
        ""
    );
    assert_eq!(
        named("SELECT (SELECT 1 WHERE p.id = 1) FROM app.people p"),
        "app.people.id"
    );
}

#[test]
fn what_a_text_has_too_is_no_misuse() {
    taken("SELECT r.home FROM hosts h, unnest(h.homes) WITH ORDINALITY r(home, number)");
    for expression in [
        "addr = '10.0.0.1'::inet",
        "addr < '10.0.0.1'",
        "addr::text || 'x'",
        "addr::text LIKE '10.%'",
        "max(addr)",
        "count(addr)",
        "array_agg(addr)",
        "coalesce(addr, '::1'::inet)",
        "addr IS DISTINCT FROM net",
        "addr IN ('::1', '::2')",
        "to_json(home)",
        "home IS NULL",
        "home::text",
        "mood > 'bad'",
        "price * 2",
        "sum(price)",
        "lower(name)",
        "name || addr",
        "flags = B'1'",
        "(list::inet[])[1]",
        "public.host(addr)",
        "nowhere.f(addr)",
        "addr OPERATOR(public.<<) '1'",
    ] {
        taken(&format!("SELECT {expression} FROM hosts"));
    }
}

#[test]
fn of_what_is_not_known_nothing_is_said() {
    for query in [
        "SELECT host(addr) FROM people",
        "SELECT host(addr) FROM elsewhere",
        "SELECT host(addr) FROM people, elsewhere",
        "SELECT host(a) FROM hosts, LATERAL some_function(addr) a",
        "SELECT host(inet_client_addr())",
        "SELECT (f(x)).a FROM hosts",
        "not even a query",
    ] {
        taken(query);
    }
    // A function or operator that may be the user's own, in a text whose names have no schema.
    taken("SELECT broadcast(addr) FROM hosts");
    taken("SELECT addr && net FROM hosts");
}

#[test]
fn the_columns_of_a_view_are_known_to_the_views_on_it() {
    let columns = view(
        "SELECT h.*, addr AS again, host('x') AS h, coalesce(net, '::1') FROM hosts h",
        &Sample,
    )
    .expect("nothing is misused");
    let changed: Vec<&str> = columns
        .columns
        .iter()
        .filter_map(|(name, lost)| lost.as_ref().map(|_| name.as_str()))
        .collect();
    assert_eq!(changed.len(), 16, "{changed:?}");
    assert_eq!(changed[14], "again");
    assert!(!columns.more);
    for query in [
        "SELECT NULL AS addr UNION ALL SELECT addr FROM hosts",
        "SELECT addr FROM (VALUES (NULL), ('::1'::inet)) v(addr)",
    ] {
        let columns = view(query, &Sample).expect("nothing is misused").columns;
        assert_eq!(columns, [("addr".to_owned(), lost("inet"))], "{query}");
    }
}

#[test]
fn routines_in_sql_are_read_with_their_parameters() {
    let refused = |definition: &str| routine(definition, &Sample).err().map(|m| m.to_string());
    for body in [
        "SELECT host($1)",
        "SELECT host(a)",
        "INSERT INTO people (addr) VALUES (host(a)); SELECT 'x'",
        "UPDATE people SET addr = host(h.addr) FROM hosts h; SELECT 'x'",
        "DELETE FROM hosts WHERE host(addr) = 'x'; SELECT 'x'",
        "INSERT INTO people SELECT 1 RETURNING host(a)",
    ] {
        let definition =
            format!("CREATE FUNCTION public.f(a inet) RETURNS text LANGUAGE sql AS $$ {body} $$");
        let found = refused(&definition);
        assert_eq!(
            found.as_deref(),
            Some("host() of inet, which becomes text"),
            "{body}"
        );
    }
    let field = refused(
        "CREATE FUNCTION public.f(a public.address) RETURNS text LANGUAGE sql AS 'SELECT a.street'",
    );
    assert_eq!(
        field.as_deref(),
        Some("field street of public.address, which becomes text")
    );
    let row = refused(
        "CREATE FUNCTION public.f() RETURNS public.address LANGUAGE sql AS $$ SELECT 'a', 1 $$",
    );
    assert_eq!(
        row.as_deref(),
        Some("result of public.address, which becomes text")
    );
    let atomic = refused(
        "CREATE FUNCTION public.f(a inet) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT host(a); END",
    );
    assert!(atomic.is_some());
    let returned =
        refused("CREATE FUNCTION public.f(a inet) RETURNS text LANGUAGE sql RETURN host(a)");
    assert!(returned.is_some());
    // A body in PL/pgSQL is not looked at before it runs.
    let plpgsql = "CREATE FUNCTION public.f(a inet) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN host(a); END $$";
    assert_eq!(refused(plpgsql), None);
    let fine = "CREATE FUNCTION public.f(a inet, OUT b text) LANGUAGE sql AS 'SELECT a::text'";
    assert_eq!(refused(fine), None);
}

#[test]
fn a_triggers_condition_is_read_with_its_rows() {
    let create = |when: &str| {
        format!(
            "CREATE TRIGGER t BEFORE UPDATE ON public.hosts FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION public.f()"
        )
    };
    let found = trigger(&create("host(new.addr) <> host(old.addr)"), &Sample);
    assert!(found.is_err());
    let found = trigger(&create("new.addr IS DISTINCT FROM old.addr"), &Sample);
    assert_eq!(found, Ok(()));
}
