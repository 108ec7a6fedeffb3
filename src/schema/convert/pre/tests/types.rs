//! What each type becomes.

use super::samples::{self, constraint, data_type, database, domain, enumeration, name, table};
use super::{answering, converted, db9, ids, mapped, no, sql_of, yes};
use crate::catalog::database::{ConstraintKind, Database, FieldDefault, UserTypeKind};
use crate::profile::{Fact, Profile, TypeAnswer};
use crate::schema::convert::{Conversion, MappedColumn, RoundTrip, Wishes};
use crate::schema::mapping::Mapping;

/// A table `public.t` with one column `c` of a type.
fn one_column(sql: &str) -> Database {
    Database {
        relations: vec![table(1, "public.t", &[&format!("c {sql}")])],
        ..database()
    }
}

fn column(conversion: &Conversion) -> &MappedColumn {
    &conversion.tables[0].columns[0]
}

/// The type in the target and the ids of the findings.
fn becomes(sql: &str, profile: &Profile) -> (String, Vec<&'static str>) {
    let conversion = converted(&one_column(sql), profile);
    let column = column(&conversion);
    let created = sql_of(&conversion, "table public.t");
    let line = format!("\n    \"c\" {}\n", column.to);
    assert!(created.contains(&line), "{created} has not {line}");
    (column.to.clone(), ids(&conversion, "column public.t.c"))
}

#[test]
fn each_type_has_a_place_in_a_db9() {
    for (from, to, found) in [
        ("integer", "integer", vec![]),
        ("smallint", "integer", vec!["smallint-column"]),
        ("real", "double precision", vec!["real-column"]),
        ("character(3)", "character varying(3)", vec!["char-column"]),
        ("bpchar", "text", vec!["char-column"]),
        ("character varying(20)", "character varying(20)", vec![]),
        ("money", "numeric", vec!["money-column"]),
        ("xml", "text", vec!["type-as-text"]),
        ("inet", "text", vec!["type-as-text"]),
        ("inet[]", "text[]", vec!["type-as-text"]),
        ("box[]", "text", vec!["array-as-text"]),
        ("int4range", "text", vec!["type-as-text"]),
        ("tstzmultirange", "text", vec!["type-as-text"]),
        ("bit(5)", "text", vec!["type-as-text"]),
        ("pg_lsn", "text", vec!["type-as-text"]),
        ("oid", "bigint", vec!["internal-type"]),
        ("regclass", "text", vec!["internal-type"]),
        ("\"char\"", "text", vec!["internal-type"]),
        ("name", "character varying(63)", vec!["internal-type"]),
        ("time with time zone", "text", vec!["type-as-text"]),
        (
            "time(3) without time zone",
            "time(3) without time zone",
            vec![],
        ),
        ("numeric(10,2)", "numeric(10,2)", vec![]),
        ("numeric(10,2)[]", "numeric(10,2)[]", vec![]),
        ("numeric(40,2)", "numeric(40,2)", vec!["numeric-digits"]),
        ("numeric", "numeric", vec!["numeric-digits"]),
        (
            "timestamp(3) with time zone",
            "timestamp(3) with time zone",
            vec![],
        ),
        (
            "timestamp with time zone",
            "timestamp with time zone",
            vec!["timestamp-digits"],
        ),
        (
            "timestamp without time zone[]",
            "timestamp without time zone[]",
            vec!["timestamp-digits"],
        ),
        ("interval", "interval", vec!["interval-digits"]),
        (
            "interval day to second(3)",
            "interval day to second(3)",
            vec![],
        ),
        ("public.nobody_knows", "text", vec!["type-as-text"]),
    ] {
        assert_eq!(becomes(from, &db9()), (to.to_owned(), found), "{from}");
    }
}

#[test]
fn a_postgresql_keeps_every_type_and_finds_nothing() {
    for sql in [
        "smallint",
        "real",
        "character(3)",
        "money",
        "xml",
        "inet[]",
        "box",
        "bit(5)",
        "oid",
        "time(3) with time zone",
        "numeric",
        "timestamp without time zone",
        "interval",
        "regclass",
        "tstzmultirange",
    ] {
        assert_eq!(
            becomes(sql, &Profile::postgresql()),
            (sql.to_owned(), vec![]),
            "{sql}"
        );
    }
}

#[test]
fn an_alias_of_the_target_is_the_type_that_is_written() {
    let profile = answering(&[
        ("smallint", TypeAnswer::Aliased("integer".to_owned())),
        (
            "character(10)",
            TypeAnswer::Aliased("character varying(10)".to_owned()),
        ),
        ("real", TypeAnswer::Accepted),
        ("inet", TypeAnswer::Accepted),
        ("uuid", TypeAnswer::Aliased("character(36)".to_owned())),
        ("json", TypeAnswer::Refused),
    ]);
    let is = |to: &str, id: &'static str| (to.to_owned(), vec![id]);
    assert_eq!(
        becomes("smallint", &profile),
        is("integer", "smallint-column")
    );
    assert_eq!(
        becomes("character(7)", &profile),
        is("character varying(7)", "char-column")
    );
    assert_eq!(becomes("real", &profile), ("real".to_owned(), vec![]));
    assert_eq!(becomes("inet", &profile), ("inet".to_owned(), vec![]));
    assert_eq!(
        becomes("uuid", &profile),
        is("character(36)", "aliased-type")
    );
    assert_eq!(becomes("json", &profile), is("text", "type-as-text"));
}

#[test]
fn money_is_cast_by_the_source_and_comes_back_by_a_cast() {
    let conversion = converted(&one_column("money[]"), &db9());
    let column = column(&conversion);
    assert_eq!(column.to, "numeric[]");
    assert_eq!(
        column.expression.as_deref(),
        Some("\"c\"::pg_catalog.numeric[]")
    );
    assert_eq!(column.round_trip, RoundTrip::Cast);
}

#[test]
fn values_that_may_lose_digits_are_lossy() {
    let trip = |sql: &str| column(&converted(&one_column(sql), &db9())).round_trip;
    assert_eq!(trip("timestamp without time zone"), RoundTrip::Lossy);
    assert_eq!(trip("timestamp(3) without time zone"), RoundTrip::Exact);
    assert_eq!(trip("numeric"), RoundTrip::Lossy);
    assert_eq!(trip("inet"), RoundTrip::Cast);
}

#[test]
fn an_array_of_several_dimensions_is_text_unless_they_are_taken() {
    let mut database = one_column("integer[]");
    database.relations[0].columns[0].dimensions = 2;
    assert_eq!(column(&converted(&database, &db9())).to, "text");
    let mut profile = db9();
    profile.multi_dimensional_arrays = yes();
    assert_eq!(column(&converted(&database, &profile)).to, "integer[]");
}

#[test]
fn a_domain_gives_its_column_base_type_checks_default_and_not_null() {
    let mut database = one_column("public.later");
    let mut inner = domain(10, "public.percent", "numeric(5,2)", &["((VALUE >= 0))"]);
    if let UserTypeKind::Domain {
        not_null, default, ..
    } = &mut inner.kind
    {
        *not_null = true;
        *default = Some("50".to_owned());
    }
    let mut outer = domain(20, "public.later", "public.percent", &["((VALUE <> 7))"]);
    if let UserTypeKind::Domain { base_oid, .. } = &mut outer.kind {
        *base_oid = 10;
    }
    database.types = vec![outer, inner];
    let conversion = converted(&database, &db9());
    assert_eq!(
        sql_of(&conversion, "table public.t"),
        "CREATE TABLE \"public\".\"t\" (\n    \"c\" numeric(5,2) DEFAULT 50 NOT NULL,\n    \
         CONSTRAINT \"c_percent_check0\" CHECK ((\"c\" >= 0)),\n    \
         CONSTRAINT \"c_later_check0\" CHECK ((\"c\" <> 7))\n)"
    );
    assert_eq!(ids(&conversion, "column public.t.c"), ["domain-column"]);
    assert_eq!(ids(&conversion, "type public.later"), ["user-type"]);
    assert_eq!(conversion.left_out.len(), 2);
}

#[test]
fn a_domain_is_made_after_the_one_below_where_domains_are_taken() {
    let mut database = one_column("public.later");
    database.types = vec![
        domain(20, "public.later", "public.percent", &["((VALUE <> 7))"]),
        domain(10, "public.percent", "numeric(5,2)", &["((VALUE >= 0))"]),
    ];
    let mut profile = db9();
    profile.domains = yes();
    let conversion = converted(&database, &profile);
    let objects: Vec<&str> = conversion
        .statements
        .iter()
        .map(|s| s.object.as_str())
        .collect();
    assert_eq!(
        objects,
        [
            "schema public",
            "type public.percent",
            "type public.later",
            "table public.t"
        ]
    );
    assert_eq!(
        conversion.statements[2].sql,
        "CREATE DOMAIN \"public\".\"later\" AS \"public\".\"percent\" \
         CONSTRAINT \"later_check0\" CHECK ((VALUE <> 7))"
    );
    assert_eq!(conversion.statements[2].needs, [0, 1]);
    assert_eq!(column(&conversion).to, "\"public\".\"later\"");
}

#[test]
fn an_array_of_a_domain_loses_the_domains_checks() {
    let mut database = one_column("public.percent[]");
    database.types = vec![domain(
        10,
        "public.percent",
        "numeric(5,2)",
        &["((VALUE >= 0))"],
    )];
    let conversion = converted(&database, &db9());
    assert_eq!(column(&conversion).to, "numeric(5,2)[]");
    assert_eq!(
        ids(&conversion, "column public.t.c"),
        ["domain-column", "domain-in-array"]
    );
}

#[test]
fn a_circle_of_domains_ends() {
    let mut database = one_column("public.a");
    database.types = vec![
        domain(10, "public.a", "public.b", &[]),
        domain(20, "public.b", "public.a", &[]),
    ];
    assert_eq!(column(&converted(&database, &db9())).to, "text");
}

#[test]
fn an_enum_is_made_or_becomes_text_with_its_labels() {
    let mut database = one_column("public.mood");
    database.types = vec![enumeration(10, "public.mood", &["sad", "it's ok"])];
    let conversion = converted(&database, &db9());
    let sql = sql_of(&conversion, "type public.mood");
    assert_eq!(
        sql,
        "CREATE TYPE \"public\".\"mood\" AS ENUM ('sad', 'it''s ok')"
    );
    assert_eq!(column(&conversion).to, "\"public\".\"mood\"");
    let mut profile = db9();
    profile.enums = no();
    let conversion = converted(&database, &profile);
    let sql = sql_of(&conversion, "table public.t");
    assert!(sql.contains("\"c\" text,\n"), "{sql}");
    assert!(
        sql.contains("CHECK ((\"c\" IN ('sad', 'it''s ok')))"),
        "{sql}"
    );
}

#[test]
fn a_composite_is_text_unless_the_target_takes_it_whole() {
    let fields = |field: &str| {
        let fields = vec![
            ("n".to_owned(), data_type(field)),
            ("l".to_owned(), data_type("text")),
        ];
        UserTypeKind::Composite(fields)
    };
    let with = |field: &str, profile: &Profile| {
        let mut database = one_column("public.pair");
        database.types = vec![samples::user_type(10, "public.pair", fields(field))];
        converted(&database, profile)
    };
    let mut taken = db9();
    taken.composite_types = yes();
    assert_eq!(column(&with("integer", &db9())).to, "text");
    let conversion = with("smallint", &taken);
    let sql = sql_of(&conversion, "type public.pair");
    assert_eq!(
        sql,
        "CREATE TYPE \"public\".\"pair\" AS (\"n\" integer, \"l\" text)"
    );
    assert_eq!(column(&conversion).to, "\"public\".\"pair\"");
    // A cut or a cast can not be made inside of a row's text.
    assert_eq!(column(&with("timestamp with time zone", &taken)).to, "text");
    assert_eq!(column(&with("money", &taken)).to, "text");
}

#[test]
fn a_type_of_an_extension_stays_with_it() {
    let mut database = one_column("public.vector(3)");
    let mut vector = samples::user_type(10, "public.vector", UserTypeKind::Base);
    vector.extension = Some("vector".to_owned());
    database.types = vec![vector];
    database.extensions = vec![samples::extension(5, "vector")];
    let conversion = converted(&database, &db9());
    assert_eq!(column(&conversion).to, "\"public\".\"vector\"(3)");
    assert_eq!(ids(&conversion, "column public.t.c"), Vec::<&str>::new());
    let mut without = db9();
    without.extensions = Some(Fact::probed(Vec::new()));
    let conversion = converted(&database, &without);
    assert_eq!(column(&conversion).to, "text");
    assert_eq!(ids(&conversion, "column public.t.c"), ["extension-type"]);
    assert_eq!(conversion.left_out[0].object, "extension vector");
}

#[test]
fn a_key_over_a_timestamp_that_is_cut_may_collide() {
    let relation = table(1, "public.t", &["c timestamp with time zone NOT NULL"]);
    let database = Database {
        relations: vec![samples::with_key(relation, &["c"])],
        ..database()
    };
    let conversion = converted(&database, &db9());
    assert_eq!(ids(&conversion, "index public.t_pkey"), ["timestamp-key"]);
    let conversion = converted(&database, &Profile::postgresql());
    assert!(conversion.findings.is_empty());
}

#[test]
fn the_map_file_comes_before_every_default() {
    let mapping = Mapping::from_toml(
        "[types]\nmoney = 'numeric(19,2)'\n'public.email' = 'varchar(100)'\n[columns]\n\
         'public.t.a' = { type = 'jsonb', using = 'to_jsonb(a)' }\n'public.t.b' = 'bigint'",
    )
    .unwrap();
    let columns = ["a text", "b smallint", "c money[]", "d public.email"];
    let database = Database {
        relations: vec![table(1, "public.t", &columns)],
        types: vec![domain(
            10,
            "public.email",
            "text",
            &["((VALUE ~ '@'::text))"],
        )],
        ..database()
    };
    let conversion = mapped(&database, &db9(), &mapping, Wishes::default());
    let columns = &conversion.tables[0].columns;
    let to: Vec<&str> = columns.iter().map(|c| c.to.as_str()).collect();
    assert_eq!(to, ["jsonb", "bigint", "numeric(19,2)[]", "varchar(100)"]);
    assert_eq!(columns[0].expression.as_deref(), Some("to_jsonb(a)"));
    assert_eq!(columns[1].expression, None);
    assert_eq!(
        columns[2].expression.as_deref(),
        Some("\"c\"::pg_catalog.numeric[]")
    );
    assert_eq!(ids(&conversion, "column public.t.a"), ["mapped-type"]);
    assert_eq!(ids(&conversion, "column public.t.d"), ["mapped-type"]);
}

#[test]
fn what_needs_a_columns_old_type_is_left_out_with_its_reason() {
    let mut relation = table(
        1,
        "public.t",
        &["ip inet", "n integer", "net text", "family integer"],
    );
    relation.columns[2].default = FieldDefault::Stored("host(ip)".to_owned());
    relation.columns[3].default = FieldDefault::Stored("(n + 1)".to_owned());
    relation.constraints = vec![
        samples::check(5, "only_v4", "CHECK ((family(ip) = 4))"),
        samples::check(6, "n_positive", "CHECK ((n > 0))"),
        constraint(7, "t_n_key", ConstraintKind::Unique, "UNIQUE (n)", &["n"]),
    ];
    let database = Database {
        relations: vec![relation],
        ..database()
    };
    let conversion = converted(&database, &db9());
    assert_eq!(
        sql_of(&conversion, "table public.t"),
        "CREATE TABLE \"public\".\"t\" (\n    \"ip\" text,\n    \"n\" integer,\n    \"net\" text,\n    \
         \"family\" integer GENERATED ALWAYS AS ((n + 1)) STORED,\n    \
         CONSTRAINT \"n_positive\" CHECK ((n > 0))\n)"
    );
    assert_eq!(
        ids(&conversion, "column public.t.net"),
        ["generated-as-plain"]
    );
    assert_eq!(
        ids(&conversion, "constraint public.t.only_v4"),
        ["check-left-out"]
    );
    let sent: Vec<&str> = conversion.tables[0]
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(
        sent,
        ["ip", "n", "net"],
        "the values of a column that is plain now are sent"
    );
    assert_eq!(conversion.tables[0].target, name("public.t"));
}
