//! The private database behind a stand-in: what a proxy cannot do by words alone is done here, in
//! the catalog of this one database.
//!
//! - `version()` and `current_database()` are replaced, functions that do not exist there are renamed,
//!   advisory locks hold nothing (each connection may be on a node of its own).
//! - An event trigger gives every table with timestamps or arrays a trigger that cuts or refuses what is
//!   stored, and every table those that count what an UPDATE or DELETE changes. They are marked as
//!   internal, so that clients which look for user triggers find none, and are named to run last.

use crate::client::{apart, connect, quoted};
use crate::{Cluster, Database, Error};

use super::limits::{Limits, TimestampDigits};

/// Makes the database, owned by the role that clients are.
pub(crate) fn create(cluster: &Cluster, role: &str, limits: &Limits) -> Result<Database, Error> {
    let database = cluster.database("db9")?;
    database.execute(&create_role(role, database.name()))?;
    database.execute(&replace_functions(limits))?;
    database.execute(&count_changed_rows(limits, database.name()))?;
    database.execute(&rule_stored_values(limits))?;
    check_trust(cluster, role, &database)?;
    Ok(database)
}

/// The stand-in's sessions bring no password.
fn check_trust(cluster: &Cluster, role: &str, database: &Database) -> Result<(), Error> {
    let uri = format!(
        "postgresql://{role}@127.0.0.1:{}/{}",
        cluster.port(),
        database.name()
    );
    apart(|| connect(&uri).map(drop))
}

/// The role belongs to the whole cluster and may exist, or be made by another test at this moment.
fn create_role(role: &str, database: &str) -> String {
    let (role, database) = (quoted(role), quoted(database));
    format!(
        "DO $$ BEGIN CREATE ROLE {role} LOGIN;
               EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         ALTER DATABASE {database} OWNER TO {role};
         ALTER SCHEMA public OWNER TO {role};"
    )
}

fn replace_functions(limits: &Limits) -> String {
    let mut missing = limits.missing_functions.clone();
    if !limits.terminate_backend {
        missing.push("pg_terminate_backend".to_owned());
    }
    let missing: Vec<String> = missing.iter().map(|name| literal(name)).collect();
    format!(
        "SET allow_system_table_mods = on;
         CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text
             LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT {version}::text $$;
         CREATE OR REPLACE FUNCTION pg_catalog.current_database() RETURNS name
             LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT 'postgres'::name $$;
         UPDATE pg_proc SET proname = 'db9_missing_' || oid
             WHERE pronamespace = 'pg_catalog'::regnamespace AND proname::text IN ({missing});
         {ADVISORY_LOCKS}",
        version = literal(&limits.version),
        missing = missing.join(", "),
    )
}

/// `db9_count_changes(table)` makes the triggers. Only clients of the stand-in are held to the limit: the
/// tests' own superuser is not.
fn count_changed_rows(limits: &Limits, database: &str) -> String {
    let Some(most) = limits.dml_table_scan_max_rows else {
        return "CREATE FUNCTION pg_catalog.db9_count_changes(relation oid) RETURNS void
                    LANGUAGE sql AS 'SELECT'"
            .to_owned();
    };
    let setting = "db9.dml_table_scan_max_rows";
    let database = quoted(database);
    format!("ALTER DATABASE {database} SET {setting} = {most}; {COUNT_CHANGES}")
}

const COUNT_CHANGES: &str = r"
CREATE FUNCTION pg_catalog.db9_count_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
DECLARE
    most bigint := current_setting('db9.dml_table_scan_max_rows');
    changed bigint;
BEGIN
    SELECT count(*) INTO changed FROM (SELECT FROM changed_rows LIMIT most + 1) c;
    IF most > 0 AND changed > most
        AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
    THEN
        RAISE program_limit_exceeded USING MESSAGE =
            format('a table scan of more than %s rows (db9.dml_table_scan_max_rows)', most);
    END IF;
    RETURN NULL;
END $fn$;

CREATE FUNCTION pg_catalog.db9_count_changes(relation oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
DECLARE event text;
BEGIN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = '~~~db9_delete') THEN
        RETURN;
    END IF;
    FOREACH event IN ARRAY ARRAY['UPDATE', 'DELETE'] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s REFERENCING OLD TABLE AS changed_rows '
                       'FOR EACH STATEMENT EXECUTE FUNCTION pg_catalog.db9_count_changed()',
                       '~~~db9_' || lower(event), event, relation::regclass);
    END LOOP;
END $fn$;
";

const ADVISORY_LOCKS: &str = r"
DO $do$
DECLARE f record;
BEGIN
    FOR f IN SELECT proname, pg_get_function_identity_arguments(oid) AS arguments, prorettype
             FROM pg_proc WHERE proname ~ '^pg_(try_)?advisory_'
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE FUNCTION pg_catalog.%I(%s) RETURNS %s LANGUAGE sql AS %L',
            f.proname, f.arguments, f.prorettype::regtype,
            CASE WHEN f.prorettype = 'bool'::regtype THEN 'SELECT true' ELSE 'SELECT NULL::void' END);
    END LOOP;
END $do$;
";

/// How a stored timestamp is made of the one that was sent: `%1$s` is the value, `%2$s` its type with
/// three digits.
fn cut_expression(digits: TimestampDigits) -> &'static str {
    match digits {
        TimestampDigits::CutToMilliseconds => "date_trunc('milliseconds', %1$s)",
        TimestampDigits::RoundToMilliseconds => "(%1$s)::%2$s",
        TimestampDigits::Microseconds => "%1$s",
    }
}

fn rule_stored_values(limits: &Limits) -> String {
    let expression = cut_expression(limits.timestamp_digits);
    let array = |kind: &str| {
        let element = expression
            .replace("%1$s", "a[i]")
            .replace("%2$s", &format!("{kind}(3)"));
        format!(
            "CREATE FUNCTION pg_catalog.db9_array(a {kind}[]) RETURNS {kind}[]
                 LANGUAGE plpgsql IMMUTABLE AS $$
             BEGIN
                 PERFORM pg_catalog.db9_array(a::text[]);
                 IF array_ndims(a) = 1 THEN
                     FOR i IN array_lower(a, 1) .. array_upper(a, 1) LOOP a[i] := {element}; END LOOP;
                 END IF;
                 RETURN a;
             END $$;"
        )
    };
    let dimensions = if limits.multidimensional_arrays {
        "6"
    } else {
        "1"
    };
    let late_key = if limits.late_primary_key {
        "true"
    } else {
        "false"
    };
    format!(
        "SET allow_system_table_mods = on; {} {} {} {}",
        array("timestamp"),
        array("timestamptz"),
        RULES
            .replace("EXPRESSION", &literal(expression))
            .replace("DIMENSIONS", dimensions),
        EVENT_TRIGGER.replace("LATE_PRIMARY_KEY", late_key),
    )
}

/// What happens to the stored values of each column: `%1$s` stands for the value.
const RULES: &str = r"
CREATE FUNCTION pg_catalog.db9_array(a anyarray) RETURNS anyarray LANGUAGE plpgsql IMMUTABLE AS $fn$
BEGIN
    IF array_ndims(a) > DIMENSIONS THEN
        RAISE feature_not_supported USING MESSAGE = 'arrays have one dimension';
    END IF;
    RETURN a;
END $fn$;

CREATE FUNCTION pg_catalog.db9_rules(relation oid) RETURNS TABLE (name name, value text)
    LANGUAGE sql STABLE AS $sql$
    WITH RECURSIVE base AS (
        SELECT a.attname, a.attnum, a.atttypid AS type FROM pg_attribute a
        WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        UNION ALL
        SELECT b.attname, b.attnum, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.type
        WHERE t.typtype = 'd')
    SELECT attname,
        CASE typcategory WHEN 'A' THEN 'pg_catalog.db9_array(%1$s)'
            ELSE format(EXPRESSION, '%1$s', format_type(type, 3)) END
    FROM base JOIN pg_type t ON t.oid = base.type
    WHERE type IN ('timestamp'::regtype, 'timestamptz'::regtype)
       OR (typcategory = 'A' AND typtype = 'b')
    ORDER BY attnum
$sql$;
";

/// Values that a rewriting ALTER TABLE or a CREATE TABLE AS has stored went past the trigger and are
/// changed afterwards.
const EVENT_TRIGGER: &str = r"
CREATE FUNCTION pg_catalog.db9_rule_stored(relation oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog SET session_replication_role = replica AS $fn$
DECLARE c record;
BEGIN
    FOR c IN SELECT * FROM pg_catalog.db9_rules(relation) LOOP
        EXECUTE format('UPDATE ONLY %1$s SET %2$I = %3$s WHERE %2$I IS DISTINCT FROM %3$s',
                       relation::regclass, c.name, format(c.value, format('%I', c.name)));
    END LOOP;
END $fn$;

CREATE FUNCTION pg_catalog.db9_after_ddl() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog SET allow_system_table_mods = on AS $fn$
DECLARE
    r record;
    body text;
    has_rows boolean;
BEGIN
    FOR r IN SELECT DISTINCT c.oid FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
             WHERE d.classid = 'pg_class'::regclass AND c.relkind = 'r'
    LOOP
        IF NOT LATE_PRIMARY_KEY AND tg_tag = 'ALTER TABLE' AND EXISTS (
            SELECT FROM pg_constraint WHERE conrelid = r.oid AND contype = 'p'
                AND xmin = pg_current_xact_id()::xid)
        THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', r.oid::regclass) INTO has_rows;
            IF has_rows THEN
                RAISE feature_not_supported
                    USING MESSAGE = 'a primary key cannot be added to a table that has rows';
            END IF;
        END IF;
        PERFORM pg_catalog.db9_count_changes(r.oid);
        UPDATE pg_trigger SET tgisinternal = true WHERE tgrelid = r.oid AND tgname LIKE '~~~db9%';
        SELECT string_agg(format('NEW.%I := %s; ', name, format(value, format('NEW.%I', name))), '')
            INTO body FROM pg_catalog.db9_rules(r.oid);
        CONTINUE WHEN body IS NULL AND to_regproc('pg_catalog.db9_cut_' || r.oid) IS NULL;
        EXECUTE format('CREATE OR REPLACE FUNCTION pg_catalog.%I() RETURNS trigger LANGUAGE plpgsql AS %L',
                       'db9_cut_' || r.oid, 'BEGIN ' || coalesce(body, '') || 'RETURN NEW; END');
        IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = r.oid AND tgname = '~~~db9_cut') THEN
            EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %s FOR EACH ROW '
                           'EXECUTE FUNCTION pg_catalog.%I()',
                           '~~~db9_cut', r.oid::regclass, 'db9_cut_' || r.oid);
            UPDATE pg_trigger SET tgisinternal = true WHERE tgrelid = r.oid AND tgname = '~~~db9_cut';
        END IF;
        PERFORM pg_catalog.db9_rule_stored(r.oid);
    END LOOP;
END $fn$;

CREATE EVENT TRIGGER db9_after_ddl ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION pg_catalog.db9_after_ddl();
";

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
