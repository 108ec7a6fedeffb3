//! Schemas, extensions, sequences, functions and tables, and how they need each other.

use super::samples::{self, database, extension, name, needs, routine, sequence, table, with_key};
use super::{answering, converted, db9, ids, mapped, no, sql_of, yes};
use crate::catalog::Persistence;
use crate::catalog::database::{Class, Database, FieldDefault, RelationKind, Schema, UserTypeKind};
use crate::profile::{Fact, Profile, TypeAnswer};
use crate::schema::convert::{Conversion, Makes, Wishes};
use crate::schema::mapping::Mapping;

fn objects(conversion: &Conversion) -> Vec<&str> {
    conversion
        .statements
        .iter()
        .map(|s| s.object.as_str())
        .collect()
}

fn schema(oid: u32, name: &str) -> Schema {
    Schema {
        oid,
        name: name.to_owned(),
        ..Schema::default()
    }
}

/// A table whose default calls `public.f`, by the source's dependencies.
fn calling(mut functions: Vec<crate::catalog::database::Routine>) -> Database {
    let mut edges = vec![needs((Class::Relation, 1), Some("c"), (Class::Routine, 10))];
    edges.extend(
        functions
            .iter()
            .skip(1)
            .map(|later| needs((Class::Routine, 10), None, (Class::Routine, later.oid))),
    );
    functions.reverse();
    Database {
        relations: vec![table(1, "public.t", &["c bigint DEFAULT public.f()"])],
        routines: functions,
        dependencies: edges,
        ..database()
    }
}

#[test]
fn the_function_of_a_default_is_made_before_its_table_and_after_what_it_calls() {
    let database = calling(vec![
        routine(10, "public.f", "plpgsql", " BEGIN RETURN public.g(); END "),
        routine(11, "public.g", "sql", " SELECT 1 "),
    ]);
    let conversion = converted(&database, &db9());
    let made = [
        "schema public",
        "function public.g()",
        "function public.f()",
        "table public.t",
    ];
    assert_eq!(objects(&conversion), made);
    assert_eq!(conversion.statements[3].needs, [0, 2]);
    assert_eq!(conversion.statements[2].makes, Makes::EarlyRoutine);
    let sql = &conversion.statements[1].sql;
    assert!(sql.ends_with("$function$ SELECT 1 $function$"), "{sql}");
}

#[test]
fn a_default_without_its_function_is_left_out_with_the_reason() {
    let why = |routine: crate::catalog::database::Routine, profile: &Profile| {
        let conversion = converted(&calling(vec![routine]), profile);
        assert!(sql_of(&conversion, "table public.t").contains("\"c\" bigint\n"));
        assert_eq!(ids(&conversion, "column public.t.c"), ["default-left-out"]);
        conversion.findings[0].detail.clone()
    };
    let python = routine(10, "public.f", "plpython3u", "return 1");
    assert_eq!(why(python, &db9()), "public.f() is written in plpython3u");
    let mut of_extension = routine(10, "public.f", "c", "");
    of_extension.extension = Some("postgis".to_owned());
    let belongs = "public.f() belongs to the extension postgis, which is left out";
    assert_eq!(why(of_extension, &db9()), belongs);
    let mut aggregate = routine(10, "public.f", "internal", "");
    aggregate.definition = None;
    aggregate.kind = crate::catalog::database::RoutineKind::Aggregate;
    assert!(why(aggregate, &Profile::postgresql()).contains("no function that a table can need"));
}

#[cfg(feature = "parser")]
#[test]
fn a_function_that_reads_the_table_it_is_for_can_not_be_a_default() {
    let reads = routine(10, "public.f", "sql", " SELECT count(*) FROM public.t ");
    let conversion = converted(&calling(vec![reads]), &db9());
    assert_eq!(objects(&conversion), ["schema public", "table public.t"]);
    assert_eq!(ids(&conversion, "column public.t.c"), ["default-left-out"]);
    let reads = routine(10, "public.f", "sql", " SELECT count(*) FROM public.other ");
    let mut database = calling(vec![reads]);
    database
        .relations
        .push(table(50, "public.other", &["a integer"]));
    let conversion = converted(&database, &db9());
    let made = [
        "schema public",
        "table public.other",
        "function public.f()",
        "table public.t",
    ];
    assert_eq!(objects(&conversion), made);
}

#[cfg(feature = "parser")]
#[test]
fn what_a_dump_does_not_tell_follows_from_the_texts() {
    let columns = [
        "id bigint DEFAULT nextval('public.s'::regclass)",
        "c bigint DEFAULT public.f()",
    ];
    let database = Database {
        relations: vec![table(1, "public.t", &columns)],
        routines: vec![routine(10, "public.f", "sql", " SELECT 1 ")],
        sequences: vec![sequence(20, "public.s", None)],
        ..database()
    };
    let conversion = converted(&database, &db9());
    let table = conversion
        .statements
        .iter()
        .position(|s| s.makes == Makes::Table)
        .unwrap();
    assert_eq!(conversion.statements[table].needs, [0, 1, 2]);
    assert_eq!(conversion.sequences[0].users[0].column, "id");
}

#[cfg(feature = "parser")]
#[test]
fn a_function_that_the_target_lacks_takes_its_default_and_its_check_along() {
    let mut relation = table(1, "public.t", &["c bigint DEFAULT txid_current()"]);
    relation.constraints = vec![samples::check(2, "told", "CHECK ((c <> txid_current()))")];
    let database = Database {
        relations: vec![relation],
        ..database()
    };
    let mut profile = db9();
    profile.missing_functions = Some(crate::profile::Fact::probed(vec![
        "txid_current".to_owned(),
    ]));
    let conversion = converted(&database, &profile);
    assert_eq!(ids(&conversion, "column public.t.c"), ["default-left-out"]);
    assert_eq!(
        ids(&conversion, "constraint public.t.told"),
        ["check-left-out"]
    );
    assert!(
        conversion.findings[0]
            .detail
            .contains("no function txid_current()")
    );
}

#[cfg(feature = "parser")]
#[test]
fn a_function_that_is_built_in_by_now_needs_no_extension() {
    let mut random = routine(10, "public.gen_random_uuid", "c", "");
    random.extension = Some("pgcrypto".to_owned());
    let database = Database {
        relations: vec![table(
            1,
            "public.t",
            &["c uuid DEFAULT public.gen_random_uuid()"],
        )],
        routines: vec![random],
        extensions: vec![extension(5, "pgcrypto")],
        dependencies: vec![needs((Class::Relation, 1), Some("c"), (Class::Routine, 10))],
        ..database()
    };
    let conversion = converted(&database, &db9());
    let sql = sql_of(&conversion, "table public.t");
    assert!(
        sql.contains("DEFAULT \"pg_catalog\".\"gen_random_uuid\"()"),
        "{sql}"
    );
    assert_eq!(conversion.left_out[0].object, "extension pgcrypto");
    assert!(conversion.findings.is_empty(), "{:?}", conversion.findings);
}

#[test]
fn an_extension_of_the_list_is_made_in_its_schema_with_all_that_is_its() {
    let mut uuid = routine(10, "public.f", "c", "");
    uuid.extension = Some("uuid-ossp".to_owned());
    let mut database = calling(vec![uuid]);
    database.extensions = vec![extension(5, "uuid-ossp"), extension(6, "plpgsql")];
    let conversion = converted(&database, &db9());
    assert_eq!(
        sql_of(&conversion, "extension \"uuid-ossp\""),
        "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA \"public\""
    );
    assert!(sql_of(&conversion, "table public.t").contains("DEFAULT public.f()"));
    assert_eq!(conversion.statements[2].needs, [0, 1]);
    assert!(conversion.left_out.is_empty());
}

/// Two schemas whose tables have sequences, types and keys.
fn two_schemas() -> Database {
    let orders = table(
        1,
        "public.orders",
        &["id bigint DEFAULT nextval('public.s'::regclass)"],
    );
    let clients = table(
        10,
        "old.clients",
        &["id integer NOT NULL", "m old.mood DEFAULT 'ok'::old.mood"],
    );
    let mut clients = with_key(clients, &["id"]);
    clients.constraints[0].name = "orders_pkey".to_owned();
    let mut base = database();
    base.schemas.push(schema(7, "old"));
    Database {
        types: vec![samples::enumeration(30, "old.mood", &["ok"])],
        sequences: vec![sequence(40, "public.s", Some(("public.orders", "id")))],
        relations: vec![with_key(orders, &["id"]), clients],
        ..base
    }
}

#[test]
fn renamed_schemas_and_tables_take_everything_along() {
    let file = "[schemas]\npublic = 'app'\nold = 'app'\n[tables]\n'old.clients' = 'crm.\"People\"'";
    let mapping = Mapping::from_toml(file).unwrap();
    let conversion = mapped(&two_schemas(), &db9(), &mapping, Wishes::default());
    let made = [
        "schema app",
        "schema crm",
        "type app.mood",
        "sequence app.s",
        "table app.orders",
        "table crm.\"People\"",
        "owner of sequence app.s",
    ];
    assert_eq!(objects(&conversion), made);
    let orders = sql_of(&conversion, "table app.orders");
    assert!(
        orders.contains("\"id\" bigint DEFAULT nextval('\"app\".\"s\"')"),
        "{orders}"
    );
    let people = sql_of(&conversion, "table crm.\"People\"");
    assert!(
        people.starts_with("CREATE TABLE \"crm\".\"People\" ("),
        "{people}"
    );
    assert!(
        people.contains("\"m\" \"app\".\"mood\" DEFAULT 'ok'::\"app\".\"mood\""),
        "{people}"
    );
    assert_eq!(
        sql_of(&conversion, "owner of sequence app.s"),
        "ALTER SEQUENCE \"app\".\"s\" OWNED BY \"app\".\"orders\".\"id\""
    );
    assert_eq!(conversion.tables[1].source, name("old.clients"));
    assert_eq!(conversion.tables[1].target, name("crm.People"));
    assert_eq!(conversion.sequences[0].users[0].table, name("app.orders"));
}

#[test]
fn a_sequence_goes_with_the_table_that_owns_it() {
    let mapping = Mapping::from_toml("[tables]\n'public.orders' = 'shop.orders'").unwrap();
    let conversion = mapped(&two_schemas(), &db9(), &mapping, Wishes::default());
    let sql = sql_of(&conversion, "table shop.orders");
    assert!(sql.contains("nextval('\"shop\".\"s\"')"), "{sql}");
    assert_eq!(
        sql_of(&conversion, "owner of sequence shop.s"),
        "ALTER SEQUENCE \"shop\".\"s\" OWNED BY \"shop\".\"orders\".\"id\""
    );
    assert_eq!(conversion.sequences[0].target, name("shop.s"));
}

#[test]
fn two_objects_can_not_get_one_name_and_a_key_gives_way() {
    let file = "[schemas]\nold = 'public'\n[tables]\n'old.clients' = 'public.mood'";
    let mapping = Mapping::from_toml(file).unwrap();
    let conversion = mapped(&two_schemas(), &db9(), &mapping, Wishes::default());
    assert_eq!(ids(&conversion, "type old.mood"), ["name-collision"]);
    let collision = conversion
        .findings
        .iter()
        .find(|f| f.kind.id == "name-collision")
        .unwrap();
    assert_eq!(
        collision.detail,
        "table old.clients becomes public.mood, too"
    );
    let sql = sql_of(&conversion, "table public.mood");
    assert!(
        sql.contains("CONSTRAINT \"orders_pkey_1\" PRIMARY KEY"),
        "{sql}"
    );
    let key = "constraint old.clients.orders_pkey";
    assert_eq!(ids(&conversion, key), ["primary-key-renamed"]);
}

#[test]
fn a_name_of_the_map_file_may_be_too_long() {
    let long = "x".repeat(64);
    let mapping = Mapping::from_toml(&format!("[tables]\n'public.orders' = 'public.{long}'"));
    let conversion = mapped(&two_schemas(), &db9(), &mapping.unwrap(), Wishes::default());
    assert_eq!(
        ids(&conversion, "table public.orders"),
        ["mapped-name-too-long"]
    );
    let converted = converted(&two_schemas(), &db9());
    assert!(converted.findings.is_empty(), "{:?}", converted.findings);
}

#[test]
fn an_entry_of_the_map_file_about_a_partition_has_no_effect_and_says_so() {
    let mut root = table(1, "public.r", &["a integer"]);
    root.kind = RelationKind::Partitioned;
    let mut leaf = table(2, "public.l", &["a integer"]);
    leaf.partition_of = Some(1);
    let database = Database {
        relations: vec![leaf, root],
        ..database()
    };
    let mapping = Mapping::from_toml("[columns]\n'public.l.a' = 'text'").unwrap();
    let conversion = mapped(&database, &db9(), &mapping, Wishes::default());
    assert_eq!(
        ids(&conversion, "partition public.l"),
        ["mapping-without-effect"]
    );
    assert_eq!(conversion.tables[0].columns[0].to, "integer");
}

#[test]
fn a_foreign_table_is_left_out_or_becomes_a_plain_one() {
    let mut far = table(1, "public.far", &["id integer"]);
    far.kind = RelationKind::Foreign;
    far.foreign_server = Some("elsewhere".to_owned());
    far.constraints = vec![samples::check(2, "positive", "CHECK ((id > 0))")];
    let database = Database {
        relations: vec![far],
        ..database()
    };
    let conversion = converted(&database, &db9());
    assert_eq!(conversion.left_out[0].object, "foreign table public.far");
    assert_eq!(
        ids(&conversion, "foreign table public.far"),
        ["foreign-table"]
    );
    let wishes = Wishes {
        foreign_tables: true,
        ..Wishes::default()
    };
    let conversion = mapped(&database, &db9(), &Mapping::default(), wishes);
    assert_eq!(
        ids(&conversion, "table public.far"),
        ["foreign-table-copied"]
    );
    assert_eq!(
        ids(&conversion, "constraint public.far.positive"),
        ["check-left-out"]
    );
    assert_eq!(conversion.tables[0].leaves, [name("public.far")]);
}

#[test]
fn what_no_target_keeps_of_a_table_is_told_once_each() {
    let mut relation = with_key(
        table(1, "public.t", &["id integer NOT NULL", "body text"]),
        &["id"],
    );
    relation.persistence = Persistence::Unlogged;
    relation.tablespace = Some("fast".to_owned());
    relation.access_method = Some("columnar".to_owned());
    relation.options = vec!["fillfactor=70".to_owned()];
    relation.of_type = Some(name("public.row"));
    relation.columns[1].storage = Some("STORAGE EXTERNAL".to_owned());
    relation.columns[1].collation = Some(name("pg_catalog.de_DE"));
    relation.constraints[0].deferrable = true;
    relation.indexes[0].include = vec!["body".to_owned()];
    let database = Database {
        relations: vec![relation],
        ..database()
    };
    let conversion = converted(&database, &db9());
    assert_eq!(
        ids(&conversion, "table public.t"),
        [
            "storage-parameters",
            "table-access-method",
            "table-tablespace",
            "typed-table",
            "unlogged-table"
        ]
    );
    let column = ids(&conversion, "column public.t.body");
    assert_eq!(column, ["column-collation", "column-storage"]);
    assert_eq!(
        ids(&conversion, "constraint public.t.t_pkey"),
        ["primary-key-options"]
    );
    let sql = sql_of(&conversion, "table public.t");
    assert_eq!(
        sql,
        "CREATE TABLE \"public\".\"t\" (\n    \"id\" integer NOT NULL,\n    \"body\" text,\n    \
         CONSTRAINT \"t_pkey\" PRIMARY KEY (\"id\")\n)"
    );
    let kept = converted(&database, &Profile::postgresql());
    let sql = sql_of(&kept, "table public.t");
    assert!(sql.starts_with("CREATE UNLOGGED TABLE"), "{sql}");
    assert!(
        sql.contains("\"body\" text COLLATE \"pg_catalog\".\"de_DE\""),
        "{sql}"
    );
    assert!(
        sql.contains("PRIMARY KEY (\"id\") INCLUDE (\"body\") DEFERRABLE"),
        "{sql}"
    );
    assert!(sql.ends_with("WITH (fillfactor=70)"), "{sql}");
}

#[test]
fn checks_that_rows_may_break_are_left_out_with_the_way_back() {
    let mut relation = table(1, "public.t", &["a integer"]);
    let mut later = samples::check(2, "later", "CHECK ((a > 0)) NOT VALID");
    later.validated = false;
    let mut never = samples::check(3, "never", "CHECK ((a > 1)) NOT ENFORCED");
    never.enforced = false;
    relation.constraints = vec![later, never];
    let database = Database {
        relations: vec![relation],
        ..database()
    };
    let mut refusing = db9();
    refusing.not_valid_constraints = Some(Fact::probed(false));
    let conversion = converted(&database, &refusing);
    assert_eq!(
        conversion.findings[0].detail,
        "it is NOT VALID: rows that break it would not load; after the load: ALTER TABLE \
         \"public\".\"t\" ADD CONSTRAINT \"later\" CHECK ((a > 0))"
    );
    let mut taking = db9();
    taking.not_valid_constraints = Some(Fact::probed(true));
    let conversion = converted(&database, &taking);
    assert_eq!(ids(&conversion, "constraint public.t.later"), [""; 0]);
    assert_eq!(
        ids(&conversion, "constraint public.t.never"),
        ["check-left-out"]
    );
    assert!(!sql_of(&conversion, "table public.t").contains("CHECK"));
}

#[test]
fn a_check_over_timestamps_that_are_cut_may_refuse_rows() {
    let columns = [
        "a timestamp without time zone",
        "b timestamp without time zone",
    ];
    let mut relation = table(1, "public.t", &columns);
    relation.constraints = vec![samples::check(2, "order", "CHECK ((a < b))")];
    let database = Database {
        relations: vec![relation],
        ..database()
    };
    let conversion = converted(&database, &db9());
    assert_eq!(
        ids(&conversion, "constraint public.t.order"),
        ["timestamp-check"]
    );
    assert!(sql_of(&conversion, "table public.t").contains("CHECK ((a < b))"));
}

#[test]
fn virtual_columns_become_stored_ones_and_none_is_kept_where_they_are_refused() {
    let mut relation = table(1, "public.t", &["a integer", "b integer"]);
    relation.columns[1].default = FieldDefault::Virtual("(a + 1)".to_owned());
    let database = Database {
        relations: vec![relation],
        ..database()
    };
    let mut profile = db9();
    profile.generated_stored = yes();
    let conversion = converted(&database, &profile);
    assert!(sql_of(&conversion, "table public.t").contains("AS ((a + 1)) STORED"));
    assert_eq!(ids(&conversion, "column public.t.b"), ["virtual-column"]);
    assert_eq!(conversion.tables[0].columns.len(), 1);
    profile.generated_virtual = yes();
    let conversion = converted(&database, &profile);
    assert!(sql_of(&conversion, "table public.t").contains("AS ((a + 1)) VIRTUAL"));
    profile.generated_virtual = None;
    profile.generated_stored = no();
    let conversion = converted(&database, &profile);
    assert_eq!(
        ids(&conversion, "column public.t.b"),
        ["generated-as-plain"]
    );
    assert_eq!(conversion.tables[0].columns.len(), 2);
}

#[test]
fn an_identity_becomes_a_default_where_it_is_not_taken() {
    let mut relation = table(1, "public.t", &["id integer NOT NULL"]);
    relation.columns[0].default = FieldDefault::Identity {
        always: true,
        sequence: 9,
    };
    let mut identity = sequence(9, "public.t_id_seq", Some(("public.t", "id")));
    identity.identity = true;
    let mut database = Database {
        relations: vec![relation],
        sequences: vec![identity],
        ..database()
    };
    let mut profile = db9();
    profile.identity_in_create = no();
    let conversion = converted(&database, &profile);
    let made = [
        "schema public",
        "sequence public.t_id_seq",
        "table public.t",
        "owner of sequence public.t_id_seq",
    ];
    assert_eq!(objects(&conversion), made);
    let sql = sql_of(&conversion, "table public.t");
    assert!(
        sql.contains("\"id\" integer DEFAULT nextval('public.t_id_seq') NOT NULL"),
        "{sql}"
    );
    assert_eq!(
        ids(&conversion, "column public.t.id"),
        ["identity-as-default"]
    );
    assert_eq!(conversion.sequences[0].identity, None);
    // With its table goes the sequence.
    database.relations[0].kind = RelationKind::Foreign;
    let conversion = converted(&database, &profile);
    assert_eq!(objects(&conversion), ["schema public"]);
    assert!(
        conversion.sequences.is_empty(),
        "{:?}",
        conversion.sequences
    );
}

#[test]
fn defaults_of_types_that_become_text_stay_only_as_constants() {
    let columns = [
        "a inet DEFAULT '127.0.0.1'::inet",
        "b int4range DEFAULT int4range(1, 10)",
        "c money DEFAULT '$1,234.50'::money",
        "d money DEFAULT '1.234,50 €'::money",
    ];
    let database = Database {
        relations: vec![table(1, "public.t", &columns)],
        ..database()
    };
    let conversion = converted(&database, &db9());
    let sql = sql_of(&conversion, "table public.t");
    assert!(sql.contains("\"a\" text DEFAULT '127.0.0.1'::"), "{sql}");
    assert!(sql.contains("\"b\" text,"), "{sql}");
    assert!(sql.contains("\"c\" numeric DEFAULT '1234.50'::"), "{sql}");
    assert!(sql.contains("\"d\" numeric\n"), "{sql}");
    let left = |column: &str| ids(&conversion, column).contains(&"default-left-out");
    assert!(left("column public.t.b") && left("column public.t.d"));
    assert!(!left("column public.t.a") && !left("column public.t.c"));
}

#[test]
fn a_range_type_of_a_user_is_left_out_and_a_domain_check_goes_with_its_type() {
    let range = UserTypeKind::Range {
        subtype: samples::data_type("double precision"),
        options: Vec::new(),
    };
    let checked = samples::domain(20, "public.local", "inet", &["((family(VALUE) = 4))"]);
    let database = Database {
        types: vec![samples::user_type(10, "public.span", range), checked],
        relations: vec![table(1, "public.t", &["a public.span", "b public.local"])],
        ..database()
    };
    let conversion = converted(&database, &db9());
    assert_eq!(conversion.left_out.len(), 2);
    let sql = sql_of(&conversion, "table public.t");
    assert!(sql.contains("\"a\" text,\n    \"b\" text\n"), "{sql}");
    let found = ids(&conversion, "column public.t.b");
    assert_eq!(found, ["check-left-out", "domain-column", "type-as-text"]);
    let taken = answering(&[("inet", TypeAnswer::Accepted)]);
    let conversion = converted(&database, &taken);
    assert!(sql_of(&conversion, "table public.t").contains("CHECK ((family(\"b\") = 4))"));
}
