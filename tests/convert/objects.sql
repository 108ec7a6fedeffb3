-- Objects of the second section, and what stands between them.
SET check_function_bodies = off;
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE EXTENSION hstore;
CREATE SCHEMA app;
CREATE SCHEMA "Odd ""schema""
here";

CREATE TABLE app.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email public.citext UNIQUE, name text, tags text[], attributes public.hstore,
    addr inet, during tstzrange, code char(4), boss bigint, body text);
ALTER TABLE app.users ADD CONSTRAINT boss FOREIGN KEY (boss) REFERENCES app.users ON DELETE SET NULL (boss);
CREATE UNIQUE INDEX users_code ON app.users (code);
CREATE TABLE app.codes (a int, code char(4) REFERENCES app.users (code) ON UPDATE CASCADE, b int, PRIMARY KEY (a, b));
CREATE TABLE app.full_match (a int, b int, FOREIGN KEY (a, b) REFERENCES app.codes MATCH FULL ON DELETE CASCADE);
CREATE TABLE "Odd ""schema""
here"."Table ""x""" ("Column ""y""" int PRIMARY KEY, "select" text UNIQUE NULLS NOT DISTINCT, " " text);
CREATE INDEX "Index
two" ON "Odd ""schema""
here"."Table ""x""" ("select", lower(" ") text_pattern_ops) INCLUDE (" ") WHERE ("Column ""y""" > 0);

CREATE INDEX users_trgm ON app.users USING gist (name public.gist_trgm_ops (siglen = 64));
CREATE INDEX users_gin_trgm ON app.users USING gin (name public.gin_trgm_ops);
CREATE INDEX users_tags ON app.users USING gin (tags);
CREATE INDEX users_attributes ON app.users USING gin (attributes);
CREATE INDEX users_during ON app.users USING gist (during);
CREATE INDEX users_id_gist ON app.users USING gist (id);
CREATE INDEX users_addr ON app.users (addr);
CREATE INDEX users_host ON app.users (host(addr));
CREATE INDEX users_similar ON app.users ((public.similarity(name, 'x')));
CREATE INDEX users_code_pattern ON app.users (code bpchar_pattern_ops);
CREATE INDEX users_mixed ON app.users (name DESC, id ASC NULLS FIRST, (upper(name)) COLLATE "C");
CREATE INDEX users_hash ON app.users USING hash (email);
CREATE INDEX users_word ON app.users USING gin (to_tsvector('english', body));

CREATE TABLE app.events (id bigint, at timestamptz, kind int, user_id bigint REFERENCES app.users, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE app.events_2 PARTITION OF app.events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01') PARTITION BY RANGE (at);
CREATE TABLE app.events_2a PARTITION OF app.events_2 FOR VALUES FROM ('2024-02-01') TO ('2024-02-02');
CREATE TABLE app.events_2b PARTITION OF app.events_2 DEFAULT;
CREATE INDEX events_kind ON app.events (kind);
CREATE INDEX ON app.events_1 (user_id);
CREATE INDEX ON app.events_2a (user_id);
CREATE INDEX ON app.events_2b (user_id);
CREATE UNIQUE INDEX events_1_id ON app.events_1 (id);
CREATE TABLE app.notes (event bigint, at timestamptz, FOREIGN KEY (event, at) REFERENCES app.events);
CREATE TABLE app.of_january (event bigint REFERENCES app.events_1 (id));
CREATE VIEW app.january AS SELECT id FROM app.events_1;

CREATE FUNCTION app.total(n int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) + n FROM app.z_view';
CREATE FUNCTION app.total(n text) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM app.users WHERE name = n; END;
CREATE FUNCTION app.half("Arg 1" numeric, OUT a int, OUT b text) LANGUAGE plpgsql AS $x$ BEGIN a := 1; b := '$function$'; END $x$;
CREATE FUNCTION app.rows() RETURNS SETOF app.users LANGUAGE sql AS 'SELECT * FROM app.users';
CREATE FUNCTION app.variadic(VARIADIC a int[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.similar(a text) RETURNS real LANGUAGE sql AS 'SELECT public.similarity(a, ''x'')';
CREATE FUNCTION app.by_email(e public.citext) RETURNS bigint LANGUAGE sql AS 'SELECT id FROM app.users WHERE email::text = e::text';
CREATE PROCEDURE app.move(a int) LANGUAGE sql AS 'DELETE FROM app.codes WHERE a = move.a';
CREATE VIEW app.z_view AS SELECT id, name FROM app.users WHERE name = 'x';
CREATE VIEW app.a_view AS SELECT id, app.total(1) AS total FROM app.z_view;
CREATE VIEW app.emails AS SELECT id FROM app.users WHERE email = 'x';
CREATE RECURSIVE VIEW app.chain (id, depth) AS
    SELECT id, 0 FROM app.users WHERE boss IS NULL UNION ALL SELECT u.id, c.depth + 1 FROM app.users u JOIN chain c ON u.boss = c.id;
CREATE VIEW app.invoker WITH (security_invoker = true) AS SELECT id FROM app.users;
CREATE MATERIALIZED VIEW app.counted AS SELECT name, count(*) AS n FROM app.a_view JOIN app.users USING (id) GROUP BY name;
CREATE UNIQUE INDEX counted_name ON app.counted (name);
CREATE VIEW app.on_counted AS SELECT n FROM app.counted;

CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "Touch it" BEFORE INSERT OR UPDATE OF name ON app.users FOR EACH ROW WHEN (NEW.name IS NOT NULL) EXECUTE FUNCTION app.touch('an argument', 'it''s DEFERRABLE');
CREATE TRIGGER instead INSTEAD OF INSERT ON app.z_view FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE CONSTRAINT TRIGGER at_once AFTER INSERT ON app.codes NOT DEFERRABLE FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER of_all AFTER INSERT ON app.events FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER of_one AFTER INSERT ON app.events_1 FOR EACH ROW EXECUTE FUNCTION app.touch();

COMMENT ON SCHEMA app IS 'a schema';
COMMENT ON TABLE app.users IS E'it''s \\ a table\nof two lines';
COMMENT ON COLUMN app.users.name IS 'a column';
COMMENT ON CONSTRAINT boss ON app.users IS 'a constraint';
COMMENT ON CONSTRAINT users_pkey ON app.users IS 'a key';
COMMENT ON INDEX app.users_addr IS 'an index';
COMMENT ON VIEW app.z_view IS 'a view';
COMMENT ON COLUMN app.z_view.id IS 'a column of a view';
COMMENT ON MATERIALIZED VIEW app.counted IS 'a materialized view';
COMMENT ON FUNCTION app.total(int) IS 'a function';
COMMENT ON FUNCTION app.half(numeric) IS 'another function';
COMMENT ON PROCEDURE app.move(int) IS 'a procedure';
COMMENT ON TRIGGER "Touch it" ON app.users IS 'a trigger';
