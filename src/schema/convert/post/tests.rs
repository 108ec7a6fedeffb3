//! Hand-built databases, converted.

use std::collections::HashSet;

use crate::catalog::database::{
    Class, Constraint, ConstraintKind, Index, Object, OtherKind, Partitioning, Relation,
    RelationKind, Routine, RoutineKind,
};
use crate::profile::{Fact, Profile};
use crate::schema::convert::{Conversion, Makes, orphans};

use super::sample::{
    Case, constraint, expression_index, foreign, function, index, named, primary, relation, table,
    trigger, unique, view,
};

/// The SQL of a statement by what it makes.
#[track_caller]
fn sql<'c>(conversion: &'c Conversion, object: &str) -> &'c str {
    &conversion.statements[place(conversion, object)].sql
}

/// Findings of this part as `id object: detail`, in their order.
fn findings(conversion: &Conversion) -> Vec<String> {
    let findings = conversion.findings.iter();
    findings
        .filter(|f| super::KINDS.contains(&f.kind))
        .map(|f| format!("{} {}: {}", f.kind.id, f.object, f.detail))
        .collect()
}

#[track_caller]
fn place(conversion: &Conversion, object: &str) -> usize {
    let statements = &conversion.statements;
    let all = || {
        statements
            .iter()
            .map(|s| s.object.as_str())
            .collect::<Vec<_>>()
    };
    let found = statements.iter().position(|s| s.object == object);
    found.unwrap_or_else(|| panic!("no {object} in {:?}", all()))
}

fn has(conversion: &Conversion, object: &str) -> bool {
    conversion.statements.iter().any(|s| s.object == object)
}

/// Every statement is read by PostgreSQL's parser, has a name of its own and needs earlier ones only.
#[track_caller]
fn assert_sound(conversion: &Conversion) {
    let mut names = HashSet::new();
    for (at, statement) in conversion.statements.iter().enumerate() {
        let object = &statement.object;
        assert!(names.insert(object), "twice: {object}");
        assert!(statement.needs.iter().all(|&need| need < at), "{object}");
        assert!(!statement.sql.ends_with(';'), "{object}");
        #[cfg(feature = "parser")]
        if let Err(error) = pg_query::parse(&statement.sql, 0) {
            panic!("{error}: {}", statement.sql);
        }
    }
    for finding in &conversion.findings {
        assert!(!finding.object.is_empty() && !finding.object.contains('\n'));
    }
}

fn converted(case: &Case) -> Conversion {
    let conversion = case.convert();
    let findings = &conversion.findings;
    if findings.iter().all(|f| f.kind.id != super::NOT_PARSED.id) {
        assert_sound(&conversion);
    }
    conversion
}

/// `public.t (id bigint PRIMARY KEY, a integer, b text)`.
fn t() -> Relation {
    let columns = [
        "id bigint",
        "a integer",
        "b text",
        "j jsonb",
        "v public.vector",
    ];
    let mut t = table(1, "public.t", &columns);
    t.constraints = vec![primary(11, "t_pkey", &["id"])];
    t
}

fn with_index(index: Index) -> Relation {
    let mut t = t();
    t.indexes.push(index);
    t
}

fn with_constraint(constraint: Constraint) -> Relation {
    let mut t = t();
    t.constraints.push(constraint);
    t
}

/// `public.p (id bigint PRIMARY KEY)`, to be referred to.
fn parent() -> Relation {
    let mut parent = table(2, "public.p", &["id bigint"]);
    parent.constraints = vec![primary(21, "p_pkey", &["id"])];
    parent
}

/// `public.part` with two partitions.
fn partitioned() -> [Relation; 3] {
    let mut root = table(100, "public.part", &["id bigint", "a integer"]);
    root.kind = RelationKind::Partitioned;
    root.partitioning = Some(Partitioning {
        strategy: "range".to_owned(),
        key: "RANGE (a)".to_owned(),
    });
    let leaf = |oid, name| {
        let mut leaf = table(oid, name, &["id bigint", "a integer"]);
        leaf.partition_of = Some(100);
        leaf.partition_bound = Some("FOR VALUES FROM (1) TO (2)".to_owned());
        leaf
    };
    [root, leaf(101, "public.part_1"), leaf(102, "public.part_2")]
}

fn foreign_table() -> Relation {
    let mut far = table(3, "public.far", &["id bigint"]);
    far.kind = RelationKind::Foreign;
    far
}

fn f() -> Routine {
    function(50, "public.f", "plpgsql", "BEGIN RETURN 1; END")
}

#[test]
fn an_ordinary_database_keeps_everything() {
    let mut orders = table(
        1,
        "public.orders",
        &["id bigint", "customer integer", "note text"],
    );
    orders.constraints = vec![
        primary(11, "orders_pkey", &["id"]),
        unique(12, "orders_note_key", &["note"]),
        foreign(13, "orders_customer_fkey", "customer", 2),
    ];
    orders.indexes = vec![index(14, "orders_customer", "btree", &["customer", "id"])];
    let mut customers = table(2, "public.customers", &["id integer"]);
    customers.constraints = vec![primary(21, "customers_pkey", &["id"])];
    customers.triggers = vec![trigger(22, "log", 50)];
    let case = Case::db9()
        .with(orders)
        .with(customers)
        .with(view(
            3,
            "public.open",
            " SELECT orders.id\n   FROM public.orders;",
        ))
        .with(view(4, "public.a_first", "SELECT open.id FROM public.open"))
        .routine(f())
        .edge(relation(3), relation(1))
        .edge(relation(4), relation(3));
    let conversion = converted(&case);
    assert_eq!(findings(&conversion), Vec::<String>::new());
    assert!(conversion.left_out.is_empty());
    let post: Vec<String> = conversion.statements[2..]
        .iter()
        .map(|s| format!("-- {} {:?}\n{}", s.object, s.needs, s.sql))
        .collect();
    assert_eq!(
        post.join("\n"),
        r#"-- unique constraint public.orders.orders_note_key [0]
ALTER TABLE "public"."orders" ADD CONSTRAINT "orders_note_key" UNIQUE ("note")
-- index public.orders_customer [0]
CREATE INDEX "orders_customer" ON "public"."orders" USING btree ("customer", "id")
-- foreign key public.orders.orders_customer_fkey [0, 1]
ALTER TABLE "public"."orders" ADD CONSTRAINT "orders_customer_fkey" FOREIGN KEY ("customer") REFERENCES "public"."customers" ("id")
-- function public.f() []
CREATE OR REPLACE FUNCTION public.f()
 RETURNS integer
 LANGUAGE plpgsql
AS $function$BEGIN RETURN 1; END$function$
-- view public.open [0]
CREATE VIEW "public"."open" AS
SELECT orders.id
   FROM public.orders
-- view public.a_first [6]
CREATE VIEW "public"."a_first" AS
SELECT open.id FROM public.open
-- trigger public.customers.log [1, 5]
CREATE TRIGGER log AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()
-- analyze public.customers [1]
ANALYZE "public"."customers"
-- analyze public.orders [0, 2, 3]
ANALYZE "public"."orders""#
    );
}

#[test]
fn a_view_on_what_is_left_out_is_left_out_with_its_chain() {
    let case = Case::db9()
        .with(foreign_table())
        .with(view(5, "public.v1", "SELECT far.id FROM public.far"))
        .with(view(4, "public.v2", "SELECT v1.id FROM public.v1"))
        .edge(relation(4), relation(5))
        .edge(relation(5), relation(3));
    let conversion = converted(&case);
    assert!(conversion.statements.iter().all(|s| s.makes != Makes::View));
    assert_eq!(
        findings(&conversion),
        [
            "view-needs-missing view public.v1: public.v1 → foreign table public.far",
            "view-needs-missing view public.v2: public.v2 → public.v1 → foreign table public.far",
        ]
    );
    let left: Vec<&str> = conversion
        .left_out
        .iter()
        .map(|l| l.object.as_str())
        .collect();
    assert_eq!(
        left,
        [
            "foreign table public.far",
            "view public.v1",
            "view public.v2"
        ]
    );
}

#[test]
fn what_a_query_names_counts_where_the_catalog_tells_no_dependencies() {
    let case = Case::db9()
        .with(foreign_table())
        .with(view(5, "public.v1", "SELECT far.id FROM public.far"))
        .with(view(4, "public.v2", "SELECT v1.id FROM public.v1"));
    assert_eq!(findings(&case.convert()).len(), 2);
}

/// A finding of each kind: its id, and a case that has it.
fn planted() -> Vec<(&'static str, Case)> {
    let mut all = planted_constraints();
    all.extend(planted_indexes());
    all.extend(planted_classes());
    all.extend(planted_foreign_keys());
    all.extend(planted_routines());
    all.extend(planted_views());
    all.extend(planted_triggers());
    all.extend(planted_partitions());
    all
}

fn planted_constraints() -> Vec<(&'static str, Case)> {
    let key = || unique(12, "t_a_key", &["a"]);
    let mut deferrable = key();
    deferrable.deferrable = true;
    let mut temporal = key();
    temporal.temporal = true;
    let mut exclude = constraint(12, "t_excl", ConstraintKind::Exclude, &["a"]);
    exclude.definition = "EXCLUDE USING gist (a WITH =)".to_owned();
    let mut same = key();
    same.definition = "UNIQUE NULLS NOT DISTINCT (a)".to_owned();
    let mut covering = t();
    let mut carrier = index(13, "t_a_key", "btree", &["a"]);
    carrier.include = vec!["b".to_owned()];
    carrier.constraint = Some(12);
    covering.indexes = vec![carrier];
    covering.constraints.push(key());
    let mut named = t();
    named.indexes = vec![index(13, "p", "btree", &["a"])];
    let mut commented = t();
    commented.comment = Some("it's a table".to_owned());
    commented.columns[1].comment = Some("a\\column".to_owned());
    vec![
        (
            "deferrable-constraint",
            Case::db9().with(with_constraint(deferrable)),
        ),
        (
            "temporal-constraint",
            Case::db9().with(with_constraint(temporal)),
        ),
        (
            "exclude-constraint",
            Case::db9().with(with_constraint(exclude)),
        ),
        (
            "nulls-not-distinct",
            Case::db9().with(with_constraint(same)),
        ),
        ("include-columns", Case::db9().with(covering)),
        ("index-renamed", Case::db9().with(named).with(parent())),
        ("comments-left-out", Case::db9().with(commented)),
    ]
}

fn planted_indexes() -> Vec<(&'static str, Case)> {
    let plain = || index(12, "t_a", "btree", &["a"]);
    let refused = |method: &str| with_index(index(12, "t_i", method, &["j"]));
    let mut no_key = with_index(index(12, "t_v", "hnsw", &["v"]));
    no_key.constraints.clear();
    let mut invalid = plain();
    invalid.valid = false;
    let mut partial = plain();
    partial.predicate = Some("(a > 0)".to_owned());
    let mut partial_unique = partial.clone();
    partial_unique.unique = true;
    let mut no_partial = Case::db9().with(with_index(partial_unique));
    no_partial.profile.partial_indexes = Some(Fact::probed(false));
    let expression = || expression_index(12, "t_lower", "lower(b)");
    let mut no_expression = Case::db9().with(with_index(expression()));
    no_expression.profile.expression_indexes = Some(Fact::probed(false));
    let mut ordered = plain();
    ordered.parts[0].descending = true;
    ordered.parts[0].nulls_first = true;
    let mut sized = plain();
    sized.options = vec!["fillfactor=70".to_owned()];
    let mut clustered = plain();
    clustered.clustered = true;
    let mut hosts = table(1, "public.t", &["id bigint", "addr inet"]);
    hosts.indexes = vec![expression_index(12, "t_host", "host(addr)")];
    let calls = expression_index(12, "t_c", "public.c(a)");
    let mut users = table(1, "public.t", &["id bigint", "email public.citext"]);
    users.columns[1].data_type.base_name = "citext".to_owned();
    users.constraints = vec![unique(12, "t_email_key", &["email"])];
    vec![
        ("index-scans-table", Case::db9().with(refused("gin"))),
        ("index-method-refused", Case::db9().with(refused("brin"))),
        (
            "hash-index-as-btree",
            Case::db9().with(with_index(index(12, "t_h", "hash", &["a"]))),
        ),
        (
            "ivfflat-index-as-hnsw",
            Case::db9().with(refused("ivfflat")),
        ),
        ("hnsw-primary-key", Case::db9().with(no_key)),
        ("invalid-index", Case::db9().with(with_index(invalid))),
        (
            "partial-index-widened",
            Case::db9().with(with_index(partial)),
        ),
        ("partial-unique-index", no_partial),
        ("expression-index", no_expression),
        ("may-be-refused", Case::db9().with(with_index(expression()))),
        ("index-ordering", Case::db9().with(with_index(ordered))),
        (
            "index-storage-parameters",
            Case::db9().with(with_index(sized)),
        ),
        ("cluster-mark", Case::db9().with(with_index(clustered))),
        ("index-on-changed-type", Case::db9().with(hosts)),
        (
            "index-needs-missing",
            Case::db9()
                .with(with_index(calls))
                .routine(function(51, "public.c", "plperl", "return 1"))
                .edge(
                    Object::new(Class::Index, 12),
                    Object::new(Class::Routine, 51),
                ),
        ),
        (
            "case-insensitive-key",
            Case::db9().with(users).extension(60, "citext").user_type(
                61,
                "public.citext",
                "citext",
            ),
        ),
    ]
}

fn planted_classes() -> Vec<(&'static str, Case)> {
    let mut pattern = index(12, "t_b", "btree", &["b"]);
    pattern.parts[0].operator_class = Some(named("pg_catalog.text_pattern_ops"));
    let mut collated = index(12, "t_b", "btree", &["b"]);
    collated.parts[0].collation = Some(named("pg_catalog.de_DE"));
    let mut trigrams = index(12, "t_b", "gin", &["b"]);
    trigrams.parts[0].operator_class = Some(named("public.gin_trgm_ops"));
    let trigrams = Case::db9()
        .with(with_index(trigrams))
        .extension(60, "pg_trgm")
        .other(
            61,
            OtherKind::OperatorClass,
            "public.gin_trgm_ops",
            Some("pg_trgm"),
        )
        .edge(Object::new(Class::Index, 12), Object::new(Class::Other, 61));
    vec![
        (
            "operator-class-dropped",
            Case::db9().with(with_index(pattern)),
        ),
        ("operator-class-missing", trigrams),
        ("index-collation", Case::db9().with(with_index(collated))),
    ]
}

fn planted_foreign_keys() -> Vec<(&'static str, Case)> {
    let key = |to| foreign(12, "t_fkey", "id", to);
    let mut refused = Case::db9().with(with_constraint(key(2))).with(parent());
    refused.profile.foreign_keys = Some(Fact::probed(false));
    let mut lax = key(2);
    lax.validated = false;
    let mut idle = key(2);
    idle.enforced = false;
    vec![
        ("foreign-key-refused", refused),
        (
            "foreign-key-target-missing",
            Case::db9()
                .with(with_constraint(key(3)))
                .with(foreign_table()),
        ),
        (
            "foreign-key-not-valid",
            Case::db9().with(with_constraint(lax)).with(parent()),
        ),
        (
            "foreign-key-not-enforced",
            Case::db9().with(with_constraint(idle)).with(parent()),
        ),
    ]
}

fn planted_routines() -> Vec<(&'static str, Case)> {
    let mut aggregate = f();
    aggregate.kind = RoutineKind::Aggregate;
    aggregate.definition = None;
    let mut procedure = f();
    procedure.kind = RoutineKind::Procedure;
    let mut no_procedures = Case::db9().routine(procedure);
    no_procedures.profile.procedures = Some(Fact::probed(false));
    let mut atomic = f();
    atomic.language = "sql".to_owned();
    atomic.body = String::new();
    atomic.sql_body = Some("RETURN 1".to_owned());
    atomic.definition = Some(
        "CREATE OR REPLACE FUNCTION public.f()\n RETURNS integer\n LANGUAGE sql\nRETURN 1\n"
            .to_owned(),
    );
    let mut definer = f();
    definer.security_definer = true;
    let sql = function(
        50,
        "public.f",
        "sql",
        "SELECT far.id::integer FROM public.far",
    );
    let body = "BEGIN RETURN (SELECT far.id FROM public.far); END";
    let mut on_inet = f();
    on_inet.arguments = "a inet".to_owned();
    on_inet.definition = on_inet.definition.map(|d| d.replace("f()", "f(a inet)"));
    let mut host = function(50, "public.f", "sql", "SELECT family(a)");
    host.arguments = "a inet".to_owned();
    host.definition = host.definition.map(|d| d.replace("f()", "f(a inet)"));
    let mut twice = Case::db9()
        .routine(function(50, "a.f", "sql", "SELECT 1"))
        .routine(function(51, "b.f", "sql", "SELECT 1"));
    twice.mapping.schemas.insert("b".to_owned(), "a".to_owned());
    let broken = view(5, "public.v", "SELECT FROM FROM a.g() x");
    let mut unread = Case::db9().with(broken);
    unread
        .mapping
        .schemas
        .insert("a".to_owned(), "c".to_owned());
    vec![
        (
            "routine-language",
            Case::db9().routine(function(50, "public.f", "plperl", "return 1")),
        ),
        ("sql-body-as-text", Case::db9().routine(atomic)),
        ("aggregate", Case::db9().routine(aggregate)),
        ("procedure-refused", no_procedures),
        ("security-definer", Case::db9().routine(definer)),
        (
            "routine-needs-missing",
            Case::db9().with(foreign_table()).routine(sql),
        ),
        (
            "routine-calls-missing",
            Case::db9()
                .with(foreign_table())
                .routine(function(50, "public.f", "plpgsql", body)),
        ),
        ("routine-name-taken", twice),
        ("routine-on-changed-type", Case::db9().routine(on_inet)),
        ("routine-of-lost-type", Case::db9().routine(host)),
        ("definition-not-parsed", unread),
    ]
}

fn planted_views() -> Vec<(&'static str, Case)> {
    let v = || view(5, "public.v", "SELECT t.a FROM public.t");
    let mut refused = Case::db9().with(t()).with(v());
    refused.profile.views = Some(Fact::probed(false));
    let mut deep = Case::db9().with(t()).with(v());
    deep.profile.view_depth = Some(Fact::probed(0));
    let mut optioned = v();
    optioned.options = vec!["security_barrier=true".to_owned()];
    let mut materialized = v();
    materialized.kind = RelationKind::MaterializedView;
    let mut none = Case::db9().with(t()).with(materialized.clone());
    none.profile.materialized_views = Some(Fact::probed(false));
    materialized.populated = false;
    let mut empty = Case::db9().with(t()).with(materialized);
    empty.profile.materialized_views = Some(Fact::probed(true));
    let mut taken = Case::db9()
        .with(t())
        .with(view(5, "other.t", "SELECT 1 AS one"));
    taken
        .mapping
        .schemas
        .insert("other".to_owned(), "public".to_owned());
    let hosts = table(1, "public.t", &["id bigint", "addr inet"]);
    let on_host = view(5, "public.v", "SELECT host(t.addr) AS host FROM public.t");
    vec![
        ("view-refused", refused),
        ("view-too-deep", deep),
        ("view-options", Case::db9().with(t()).with(optioned)),
        ("materialized-view-as-view", none),
        ("materialized-view-unpopulated", empty),
        ("view-name-taken", taken),
        (
            "view-needs-missing",
            Case::db9()
                .with(foreign_table())
                .with(view(5, "public.v", "SELECT far.id FROM public.far"))
                .edge(relation(5), relation(3)),
        ),
        (
            "view-on-changed-type",
            Case::db9()
                .with(hosts.clone())
                .with(view(5, "public.v", "SELECT t.addr FROM public.t"))
                .edge_to_column(relation(5), relation(1), "addr"),
        ),
        (
            "view-of-lost-type",
            Case::db9()
                .with(hosts)
                .with(on_host)
                .edge_to_column(relation(5), relation(1), "addr"),
        ),
    ]
}

fn planted_triggers() -> Vec<(&'static str, Case)> {
    let with = |trigger| {
        let mut t = t();
        t.triggers = vec![trigger];
        Case::db9().with(t).routine(f())
    };
    let log = || trigger(12, "log", 50);
    let mut disabled = log();
    disabled.enabled = 'D';
    let mut no_rows = with(log());
    no_rows.profile.row_triggers = Some(Fact::probed(false));
    let mut statement = log();
    statement.for_each_row = false;
    let mut no_statements = with(statement);
    no_statements.profile.statement_triggers = Some(Fact::probed(false));
    let written = |words: &str| {
        let mut trigger = log();
        trigger.constraint = true;
        trigger.definition = format!(
            "CREATE CONSTRAINT TRIGGER log AFTER INSERT ON public.t {words} FOR EACH ROW EXECUTE \
             FUNCTION public.f()"
        );
        with(trigger)
    };
    let mut hosts = table(1, "public.t", &["id bigint", "addr inet"]);
    let mut when = log();
    when.definition = "CREATE TRIGGER log AFTER INSERT ON public.t FOR EACH ROW \
                       WHEN ((host(new.addr) <> ''::text)) EXECUTE FUNCTION public.f()"
        .to_owned();
    hosts.triggers = vec![when];
    let on_host = Case::db9().with(hosts).routine(f());
    let mut missing = with(log());
    missing.database.routines[0].language = "plperl".to_owned();
    vec![
        ("disabled-trigger", with(disabled)),
        ("trigger-refused", no_rows),
        ("statement-trigger", no_statements),
        (
            "constraint-trigger",
            written("DEFERRABLE INITIALLY DEFERRED"),
        ),
        (
            "constraint-trigger-as-plain",
            written("NOT DEFERRABLE INITIALLY IMMEDIATE"),
        ),
        ("trigger-needs-missing", missing),
        ("trigger-of-lost-type", on_host),
    ]
}

fn planted_partitions() -> Vec<(&'static str, Case)> {
    let with = |change: &dyn Fn(&mut [Relation; 3])| {
        let mut tables = partitioned();
        change(&mut tables);
        let [root, first, second] = tables;
        Case::db9().with(root).with(first).with(second)
    };
    vec![
        (
            "partition-unique",
            with(&|t| t[1].constraints.push(unique(12, "part_1_a_key", &["a"]))),
        ),
        (
            "partition-index",
            with(&|t| t[1].indexes.push(index(12, "part_1_a", "btree", &["a"]))),
        ),
        (
            "index-of-all-partitions",
            with(&|t| {
                t[1].indexes.push(index(12, "part_1_a", "btree", &["a"]));
                t[2].indexes.push(index(13, "part_2_a", "btree", &["a"]));
            }),
        ),
        (
            "partition-foreign-key",
            with(&|t| t[1].constraints.push(foreign(12, "part_1_fkey", "id", 2))).with(parent()),
        ),
        (
            "partition-trigger",
            with(&|t| t[1].triggers.push(trigger(12, "log", 50))).routine(f()),
        ),
        (
            "trigger-of-all-partitions",
            with(&|t| {
                for part in [1, 2] {
                    let mut log = trigger(11 + u32::try_from(part).unwrap(), "log", 50);
                    let name = t[part].name.to_string();
                    log.definition = log.definition.replace("public.t", &name);
                    t[part].triggers.push(log);
                }
            })
            .routine(f()),
        ),
    ]
}

#[cfg(feature = "parser")]
#[test]
fn each_kind_is_found_once_where_it_is_planted() {
    use std::collections::BTreeSet;

    let planted = planted();
    for (id, case) in &planted {
        let conversion = converted(case);
        let found = findings(&conversion);
        let same = found.iter().filter(|f| f.starts_with(&format!("{id} ")));
        assert_eq!(same.count(), 1, "{id} in {found:?}");
    }
    let ids: BTreeSet<&str> = planted.iter().map(|(id, _)| *id).collect();
    let kinds: BTreeSet<&str> = super::KINDS.iter().map(|kind| kind.id).collect();
    assert_eq!(ids, kinds);
}

#[cfg(feature = "parser")]
#[test]
fn what_is_lost_is_listed_and_what_changes_says_so_before_its_statement() {
    use crate::schema::finding::{Finding, Severity};

    for (id, case) in planted() {
        let conversion = converted(&case);
        let of = |f: &&Finding| f.kind.id == id;
        let finding = conversion.findings.iter().find(of).expect("planted");
        let listed = conversion
            .left_out
            .iter()
            .any(|l| l.object == finding.object);
        let remarked = conversion
            .statements
            .iter()
            .any(|s| !s.rewritten.is_empty() && s.object == finding.object);
        let silent = ["comments-left-out", "cluster-mark", "security-definer"];
        assert!(
            listed || remarked || silent.contains(&id),
            "{id}: {finding:?}"
        );
        assert!(
            !(listed && finding.kind.severity == Severity::Change) || id == "partition-index",
            "{id}"
        );
    }
}

#[test]
fn a_postgresql_target_gets_what_the_source_has() {
    let without = [
        "comments-left-out",
        "invalid-index",
        "cluster-mark",
        "disabled-trigger",
        "index-renamed",
        "view-name-taken",
        "routine-name-taken",
        "definition-not-parsed",
        "aggregate",
        // Foreign tables are left out there, too.
        "foreign-key-target-missing",
        "view-needs-missing",
        "routine-needs-missing",
        "routine-calls-missing",
    ];
    for (id, mut case) in planted() {
        case.profile = Profile::postgresql();
        let conversion = converted(&case);
        let found = findings(&conversion);
        let left: Vec<&String> = found
            .iter()
            .filter(|f| !without.iter().any(|id| f.starts_with(&format!("{id} "))))
            .collect();
        assert!(left.is_empty(), "{id}: {left:?}");
    }
}

#[test]
fn keys_in_a_circle_are_made_after_both_tables() {
    let side = |oid, name: &str, to| {
        let mut table = table(oid, name, &["id bigint", "other bigint"]);
        table.constraints = vec![
            primary(oid * 10, "pkey", &["id"]),
            foreign(oid * 10 + 1, "other_fkey", "other", to),
        ];
        table
    };
    let case = Case::db9()
        .with(side(1, "public.a", 2))
        .with(side(2, "public.b", 1));
    let conversion = converted(&case);
    for table in ["a", "b"] {
        let key = place(
            &conversion,
            &format!("foreign key public.{table}.other_fkey"),
        );
        assert_eq!(conversion.statements[key].needs.len(), 2);
    }
    let counts = orphans(&case.database, &conversion);
    assert_eq!(
        counts[0].sql,
        "SELECT count(*) FROM \"public\".\"a\" AS c WHERE (c.\"other\" IS NOT NULL) AND NOT EXISTS \
         (SELECT 1 FROM \"public\".\"b\" AS p WHERE p.\"id\" = c.\"other\")"
    );
    assert_eq!(
        (counts.len(), counts[1].constraint.as_str()),
        (2, "other_fkey")
    );
}

#[test]
fn a_foreign_key_keeps_its_actions_and_waits_for_the_key_that_it_refers_to() {
    let mut parent = parent();
    parent
        .columns
        .push(table(0, "x.x", &["code text"]).columns.remove(0));
    parent.constraints.push(unique(22, "p_code_key", &["code"]));
    let mut key = foreign(12, "t_fkey", "b", 2);
    key.referenced_columns = vec!["code".to_owned()];
    key.deferrable = true;
    key.definition = "FOREIGN KEY (b) REFERENCES public.\"on delete\"(code) MATCH FULL ON UPDATE \
                      CASCADE ON DELETE SET NULL (b) DEFERRABLE INITIALLY DEFERRED NOT VALID"
        .to_owned();
    let mut case = Case::db9().with(with_constraint(key)).with(parent);
    let conversion = converted(&case);
    let object = "foreign key public.t.t_fkey";
    assert_eq!(
        sql(&conversion, object),
        "ALTER TABLE \"public\".\"t\" ADD CONSTRAINT \"t_fkey\" FOREIGN KEY (\"b\") REFERENCES \
         \"public\".\"p\" (\"code\") MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (b)"
    );
    let unique = place(&conversion, "unique constraint public.p.p_code_key");
    let needs = &conversion.statements[place(&conversion, object)].needs;
    assert!(needs.contains(&unique), "{needs:?}");
    case.profile = Profile::postgresql();
    case.database.relations[0].constraints[1].initially_deferred = true;
    assert!(sql(&converted(&case), object).ends_with("(b) DEFERRABLE INITIALLY DEFERRED"));
}

#[test]
fn a_chain_of_thousands_of_views_neither_overflows_nor_reorders() {
    let mut case = Case::db9().with(t());
    let count = 3_000;
    // Names in the opposite order of their needs.
    let name = |level: u32| format!("public.v{:05}", count - level);
    for level in 0..count {
        let on = if level == 0 {
            "public.t".to_owned()
        } else {
            name(level - 1)
        };
        let query = format!("SELECT id FROM {on}");
        case = case.with(view(1_000 + level, &name(level), &query));
        let below = if level == 0 {
            relation(1)
        } else {
            relation(999 + level)
        };
        case = case.edge(relation(1_000 + level), below);
    }
    let conversion = converted(&case);
    let made = conversion
        .statements
        .iter()
        .filter(|s| s.makes == Makes::View);
    assert_eq!(made.count(), 64);
    let deep = findings(&conversion);
    assert_eq!(
        deep[0],
        format!("view-too-deep view {}: 65 levels", name(64))
    );
    case.profile.view_depth = None;
    let conversion = converted(&case);
    let made = conversion
        .statements
        .iter()
        .filter(|s| s.makes == Makes::View);
    assert_eq!(made.count(), 3_000);
}

#[cfg(feature = "parser")]
#[test]
fn functions_and_views_come_in_the_order_of_their_needs() {
    let case = Case::db9()
        .with(t())
        .with(view(5, "public.a", "SELECT public.b() AS b"))
        .with(view(6, "public.c", "SELECT id FROM public.t"))
        .routine(function(
            50,
            "public.b",
            "sql",
            "SELECT count(*)::integer FROM public.c",
        ))
        .edge(relation(5), Object::new(Class::Routine, 50));
    let conversion = converted(&case);
    let order = ["view public.c", "function public.b()", "view public.a"];
    let places = order.map(|object| place(&conversion, object));
    assert!(places.is_sorted(), "{places:?}");
    assert!(conversion.statements[places[1]].needs.contains(&places[0]));
}

#[cfg(feature = "parser")]
#[test]
fn an_sql_function_of_names_without_schema_is_looked_up_along_its_path() {
    let mut f = function(50, "other.f", "sql", "SELECT count(*)::integer FROM v");
    f.settings = vec!["search_path=nowhere, app".to_owned()];
    let case = Case::db9()
        .with(view(5, "app.v", "SELECT 1 AS one"))
        .with(view(6, "public.v", "SELECT 1 AS one"))
        .routine(f);
    let conversion = converted(&case);
    let f = place(&conversion, "function other.f()");
    assert!(
        conversion.statements[f]
            .needs
            .contains(&place(&conversion, "view app.v"))
    );
    assert!(
        !conversion.statements[f]
            .needs
            .contains(&place(&conversion, "view public.v"))
    );
}

#[test]
fn a_routine_that_needs_itself_is_made() {
    let body = "SELECT CASE WHEN true THEN 1 ELSE public.f() END";
    let case = Case::db9().routine(function(50, "public.f", "sql", body));
    assert!(has(&converted(&case), "function public.f()"));
}

#[test]
fn a_body_that_the_target_refuses_takes_its_trigger_along() {
    let mut t = t();
    t.triggers = vec![trigger(12, "log", 50)];
    let body = "BEGIN\n EXECUTE 'SELECT 1';\n RETURN NULL; END";
    let case = Case::db9()
        .with(t)
        .routine(function(50, "public.f", "plpgsql", body));
    let conversion = converted(&case);
    let left: Vec<(&str, &str)> = conversion
        .left_out
        .iter()
        .map(|l| (l.object.as_str(), l.why.as_str()))
        .collect();
    #[cfg(feature = "parser")]
    assert_eq!(
        left,
        [
            ("function public.f()", "it uses EXECUTE (line 2)"),
            ("trigger public.t.log", "it calls function public.f()"),
        ]
    );
    #[cfg(not(feature = "parser"))]
    assert_eq!(left, []);
}

#[test]
fn a_left_out_type_leaves_out_what_takes_it_unless_another_one_stands_in() {
    let f = || {
        let mut f = function(50, "public.f", "plpgsql", "BEGIN RETURN 1; END");
        f.arguments = "a public.geometry".to_owned();
        f
    };
    let on_type = |case: Case| {
        case.routine(f()).edge(
            Object::new(Class::Routine, 50),
            Object::new(Class::Type, 61),
        )
    };
    let unsupported = on_type(Case::db9().extension(60, "postgis"));
    let conversion = converted(&unsupported.user_type(61, "public.geometry", "postgis"));
    // A column of it becomes text, and so does the argument.
    assert!(findings(&conversion).is_empty());
    let of_operator = Case::db9()
        .with(t())
        .with(view(5, "public.v", "SELECT id FROM public.t"))
        .extension(60, "postgis")
        .other(62, OtherKind::Operator, "public.&&", Some("postgis"))
        .edge(relation(5), Object::new(Class::Other, 62));
    assert_eq!(
        findings(&converted(&of_operator)),
        ["view-needs-missing view public.v: public.v → operator public.\"&&\" → extension postgis"]
    );
}

#[test]
fn names_of_views_are_kept_and_indexes_give_way() {
    let case = Case::db9()
        .with(with_index(index(12, "v", "btree", &["a"])))
        .with(view(5, "public.v", "SELECT 1 AS one"));
    let conversion = converted(&case);
    assert!(has(&conversion, "view public.v") && has(&conversion, "index public.v_1"));
}

#[test]
fn comments_are_written_for_everything_that_was_made() {
    let mut t = with_index(index(12, "t_a", "btree", &["a"]));
    t.comment = Some("it's".to_owned());
    t.columns[0].comment = Some("a \\ b".to_owned());
    t.constraints[0].comment = Some("key".to_owned());
    t.indexes[0].comment = Some("index".to_owned());
    let mut hidden = foreign_table();
    hidden.comment = Some("not there".to_owned());
    let mut function = f();
    function.comment = Some("function".to_owned());
    let mut case = Case::db9().with(t).with(hidden).routine(function);
    case.wishes.comments = true;
    let conversion = converted(&case);
    let comments: Vec<&str> = conversion
        .statements
        .iter()
        .filter(|s| s.makes == Makes::Comment)
        .map(|s| s.sql.as_str())
        .collect();
    assert_eq!(
        comments,
        [
            "COMMENT ON TABLE \"public\".\"t\" IS 'it''s'",
            "COMMENT ON COLUMN \"public\".\"t\".\"id\" IS E'a \\\\ b'",
            "COMMENT ON CONSTRAINT \"t_pkey\" ON \"public\".\"t\" IS 'key'",
            "COMMENT ON INDEX \"public\".\"t_a\" IS 'index'",
            "COMMENT ON FUNCTION \"public\".\"f\"() IS 'function'",
        ]
    );
    case.profile.comments = Some(Fact::probed(false));
    let found = findings(&converted(&case));
    assert!(
        found.iter().any(|f| f.starts_with("comments-left-out")),
        "{found:?}"
    );
}

#[test]
fn thousands_of_tables_take_seconds_at_most() {
    let mut case = Case::db9();
    for number in 0..5_000_u32 {
        let oid = 10 * number + 100;
        let mut t = table(
            oid,
            &format!("public.t{number}"),
            &["id bigint", "a integer"],
        );
        t.constraints = vec![primary(oid + 1, &format!("t{number}_pkey"), &["id"])];
        if number > 0 {
            t.constraints.push(foreign(oid + 2, "fkey", "a", oid - 10));
        }
        t.indexes = vec![index(oid + 3, &format!("t{number}_a"), "btree", &["a"])];
        case = case.with(t);
    }
    let begun = std::time::Instant::now();
    let conversion = case.convert();
    let taken = begun.elapsed();
    // Each table, index, foreign key and ANALYZE; a quadratic step would take minutes.
    assert_eq!(conversion.statements.len(), 4 * 5_000 - 1);
    assert!(taken < std::time::Duration::from_secs(20), "{taken:?}");
}

#[test]
fn a_function_that_nobody_knows_is_of_the_extension_that_is_left_out() {
    let similar = expression_index(12, "t_s", "public.similarity(b, 'x'::text)");
    let case = Case::db9()
        .with(with_index(similar))
        .extension(60, "pg_trgm");
    assert_eq!(
        findings(&converted(&case)),
        [
            "index-needs-missing index public.t_s: it needs function public.similarity → extension pg_trgm"
        ]
    );
}
