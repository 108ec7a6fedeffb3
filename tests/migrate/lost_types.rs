//! What uses a type that the target does not have is left out with its chain, so that the rest is whole.

use std::process::Command;

use testenv::StandinOptions;
use testenv::standin::Limits;

use crate::harness::{Pair, Sample, Wire9};

/// Views and functions of which no target without these types takes one, and some that it takes.
const LOST: &str = "
CREATE TYPE address AS (street text, number integer);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE hosts (id integer PRIMARY KEY, addr inet, net cidr, mac macaddr, busy int8range, home address, list inet[], doc xml, place point, flags bit(4), mood mood);
INSERT INTO hosts SELECT i, '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', int8range(i, i + 5), ROW('s', i)::address, ARRAY['10.0.0.1'::inet], '<a/>', point(i, i), B'1010', 'ok' FROM generate_series(1, 20) i;
CREATE VIEW lost_host AS SELECT id, host(addr) AS host FROM hosts;
CREATE VIEW lost_above AS SELECT host FROM lost_host WHERE id > 3;
CREATE MATERIALIZED VIEW lost_on_top AS SELECT count(*) AS n FROM lost_above;
CREATE VIEW lost_net AS SELECT id FROM hosts WHERE addr << net;
CREATE VIEW lost_mac AS SELECT trunc(mac) AS maker FROM hosts;
CREATE VIEW lost_range AS SELECT id, lower(busy) AS low FROM hosts WHERE busy @> 5::bigint;
CREATE VIEW lost_field AS SELECT (home).street FROM hosts;
CREATE VIEW taken_list AS SELECT unnest(list) AS one FROM hosts;
CREATE VIEW taken_item AS SELECT list[1] AS first FROM hosts;
CREATE VIEW lost_doc AS SELECT xpath('/a', doc) AS a FROM hosts;
CREATE VIEW taken_place AS SELECT place <-> point '(0,0)' AS far FROM hosts;
CREATE VIEW taken_flags AS SELECT flags & B'0001' AS low FROM hosts;
CREATE VIEW lost_inside AS SELECT x.n FROM (SELECT max(addr) AS a, count(*) AS n FROM hosts) x WHERE family(x.a) = 4;
CREATE VIEW through AS SELECT id, addr AS a, busy AS b FROM hosts;
CREATE VIEW lost_through AS SELECT netmask(t.a) AS mask FROM through t;
CREATE VIEW kept AS SELECT id, addr, addr::text AS text, home::text AS home, mood FROM hosts WHERE addr = '10.0.0.1'::inet ORDER BY addr;
CREATE FUNCTION lost_f(a inet) RETURNS text LANGUAGE sql AS 'SELECT host(a)';
CREATE FUNCTION lost_g(a inet) RETURNS text LANGUAGE sql AS 'SELECT public.lost_f(a)';
CREATE FUNCTION lost_home(a address) RETURNS integer LANGUAGE sql AS 'SELECT a.number';
CREATE FUNCTION kept_f(a inet) RETURNS text LANGUAGE sql AS 'SELECT a::text';
CREATE VIEW lost_call AS SELECT lost_g(addr) AS g FROM hosts;
CREATE VIEW kept_call AS SELECT kept_f(addr) AS g FROM hosts;
CREATE FUNCTION first_of(i integer) RETURNS inet LANGUAGE plpgsql AS $$ BEGIN RETURN '10.0.0.1'; END $$;
CREATE FUNCTION some_of(i integer) RETURNS TABLE (n integer, a inet) LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT 1, '10.0.0.1'::inet; END $$;
CREATE FUNCTION hosts_of(i integer) RETURNS SETOF hosts LANGUAGE sql AS 'SELECT * FROM public.hosts WHERE id = i';
CREATE FUNCTION same(a anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT a';
CREATE VIEW lost_result AS SELECT host(first_of(id)) AS host FROM hosts;
CREATE VIEW lost_above_result AS SELECT count(*) AS n FROM lost_result;
CREATE VIEW lost_rows AS SELECT masklen(t.a) AS l FROM some_of(1) t;
CREATE VIEW lost_row AS SELECT r.id FROM hosts_of(1) r WHERE r.addr << '10.0.0.0/8';
CREATE VIEW lost_same AS SELECT family(same(addr)) AS f FROM hosts;
CREATE VIEW lost_element AS SELECT u.x FROM hosts, LATERAL unnest(hosts.list) u(x) WHERE family(u.x) = 4;
CREATE VIEW lost_item AS SELECT host(list[1]) AS h FROM hosts;
CREATE VIEW lost_aggregate AS SELECT host((array_agg(addr))[1]) AS h FROM hosts;
CREATE VIEW kept_result AS SELECT first_of(id) AS a, (first_of(id))::text AS b, s.n, s.a AS c FROM hosts, LATERAL some_of(hosts.id) s;
CREATE VIEW kept_row AS SELECT r.addr, r.id FROM hosts_of(1) r WHERE r.addr = '10.0.0.1';
CREATE VIEW kept_aggregate AS SELECT array_agg(addr) AS all_of_them FROM hosts;
CREATE VIEW taken_element AS SELECT u.x FROM hosts, LATERAL unnest(hosts.list) u(x);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER lost_trigger BEFORE UPDATE ON hosts FOR EACH ROW WHEN (NEW.addr <<= OLD.net) EXECUTE FUNCTION touched();
CREATE TRIGGER kept_trigger BEFORE UPDATE ON hosts FOR EACH ROW WHEN (NEW.addr IS DISTINCT FROM OLD.addr) EXECUTE FUNCTION touched()";

fn pair(limits: Limits) -> Pair {
    let sample = Sample::Sql {
        source: LOST,
        target: "",
    };
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    Pair::empty_on(testenv::Cluster::shared(), options, sample)
}

/// Views, functions and triggers of the target.
fn made(pair: &Pair) -> Vec<String> {
    let sql = "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace \
               UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
               UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1";
    let rows = pair.target().query(sql).expect("the catalogs can be read");
    rows.into_iter()
        .map(|row| row.into_iter().next().flatten().expect("a name"))
        .collect()
}

#[test]
fn a_database_of_lost_types_is_migrated_whole_but_for_what_uses_them() {
    for (strict, limits) in [(true, Limits::strictest()), (false, Limits::default())] {
        let pair = pair(limits);
        let run = pair.migrate().run().ends_with(0);
        assert_eq!(pair.target_rows("hosts"), 20);
        let made = made(&pair);
        let lost = made.iter().filter(|name| name.starts_with("lost"));
        let lost: Vec<&String> = lost.collect();
        // Composites, generated or not, are taken by a DB9 of which nothing is refused.
        match strict {
            true => assert_eq!(lost, Vec::<&String>::new()),
            false => assert_eq!(lost, ["lost_field", "lost_home"]),
        }
        for kept in [
            "kept",
            "kept_aggregate",
            "kept_call",
            "kept_f",
            "kept_result",
            "kept_row",
            "through",
            "touched",
        ] {
            assert!(made.iter().any(|name| name == kept), "{kept} in {made:?}");
        }
        let fires = made.iter().any(|name| name == "kept_trigger");
        assert_eq!(fires, !strict, "the strictest takes no trigger: {made:?}");
        drop(run);
        let told = Wire9::bare()
            .args(&["schema", "--postgres", &pair.source.uri(), "--quiet"])
            .run()
            .ends_with(0)
            .stdout;
        for chain in [
            "view public.lost_host: it uses host() of inet, which becomes text",
            "view public.lost_above: public.lost_above → view public.lost_host",
            "function public.lost_f(a inet): it uses host() of inet, which becomes text",
            "view public.lost_result: it uses host() of inet, which becomes text",
            "view public.lost_above_result: public.lost_above_result → view public.lost_result",
        ] {
            assert!(told.contains(chain), "{chain} is not in\n{told}");
        }
    }
}

/// The views and functions that a script makes.
fn made_by(script: &str) -> Vec<String> {
    let named = script.lines().filter_map(|line| {
        let line = line.strip_prefix("CREATE ")?.replace("OR REPLACE ", "");
        let kinds = ["VIEW ", "MATERIALIZED VIEW ", "FUNCTION "];
        let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
        rest.split(['(', ' ']).next().map(str::to_owned)
    });
    let mut named: Vec<String> = named.collect();
    named.sort_unstable();
    named
}

#[test]
fn a_dump_of_lost_types_gives_the_schema_and_the_findings_that_the_catalog_gives() {
    let pair = pair(Limits::default());
    let uri = pair.source.uri();
    let connected = Wire9::bare().args(&["schema", "--postgres", &uri]);
    let connected = connected.run().ends_with(0);
    let dump = Command::new("pg_dump").arg(&uri).output();
    let dump = dump.expect("pg_dump is on PATH");
    assert!(dump.status.success(), "pg_dump failed");
    let run = Wire9::bare();
    let file = run.folder().join("dump.sql");
    std::fs::write(&file, &dump.stdout).expect("it can be written");
    let path = file.to_string_lossy().into_owned();
    let dumped = run.args(&["schema", "--from-dump", &path]).run();
    let dumped = dumped.ends_with(0);
    assert_eq!(made_by(&dumped.stdout), made_by(&connected.stdout));
    let changed = |script: &str| -> Vec<String> {
        let lines = script.lines().filter(|line| line.contains(" becomes text"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort_unstable();
        // The catalog knows that the rows of hosts_of() are those of a table; names do not tell.
        lines.dedup();
        lines
    };
    let found = changed(&connected.stdout);
    let through = "-- public.hosts.addr becomes text, public.hosts.busy becomes text";
    assert!(found.iter().any(|line| line == through), "{found:#?}");
    assert_eq!(changed(&dumped.stdout), found);
}

#[test]
fn where_the_target_has_the_type_nothing_of_it_is_left_out() {
    let limits = Limits {
        inet_and_int4range: true,
        ..Limits::default()
    };
    let pair = pair(limits);
    pair.migrate().run().ends_with(0);
    let made = made(&pair);
    for kept in [
        "lost_host",
        "lost_above",
        "lost_on_top",
        "lost_f",
        "lost_g",
        "lost_call",
    ] {
        assert!(made.iter().any(|name| name == kept), "{kept} in {made:?}");
    }
    assert!(!made.iter().any(|name| name == "lost_range"), "{made:?}");
}
