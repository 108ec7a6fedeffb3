-- What real schemas have and samples forget.
CREATE SCHEMA "Odd ""S";
CREATE SCHEMA other;
CREATE EXTENSION hstore SCHEMA other;
CREATE EXTENSION citext SCHEMA other;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION ltree;

CREATE TYPE other.mood AS ENUM ('it''s', 'ok', 'a, b');
CREATE DOMAIN other.moods AS other.mood[] CHECK (cardinality(VALUE) < 5);
CREATE DOMAIN other.code AS varchar(8) COLLATE "C" DEFAULT 'none' NOT NULL CHECK (VALUE <> '') CHECK (VALUE !~ 'VALUE');
CREATE DOMAIN other.inner_code AS other.code CHECK (upper(VALUE) = VALUE OR VALUE = 'none');
CREATE DOMAIN other.price AS money CHECK (VALUE >= 0::money);
CREATE DOMAIN other.address AS inet CHECK (family(VALUE) = 4);
CREATE DOMAIN "Odd ""S"."Odd ""D" AS int CHECK (VALUE % 2 = 1);
CREATE TYPE other.pair AS (a int, b other.mood, c other.code);
CREATE TYPE other.nested AS (p other.pair, at timestamptz);

CREATE SEQUENCE "Odd ""S"."S ""q" AS smallint INCREMENT -3 MAXVALUE 30 MINVALUE -30 START 30 CYCLE CACHE 7;
CREATE FUNCTION other.prefix() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'p' || $a$'$a$ $$;
CREATE FUNCTION other.code_of(n bigint, "odd arg" text DEFAULT other.prefix()) RETURNS text LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN RETURN other.prefix() || n || "odd arg"; END $$;
CREATE TABLE other.later (id int PRIMARY KEY);
CREATE FUNCTION other.reads() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM other.later';

CREATE TABLE "Odd ""S"."T
able" (
    "select"    smallint DEFAULT nextval('"Odd ""S"."S ""q"'),
    "Größe ✓"   "Odd ""S"."Odd ""D" DEFAULT 3,
    "a""b"      other.moods DEFAULT '{ok,"a, b"}',
    code        other.inner_code,
    codes       other.code[],
    price       other.price DEFAULT '12.50',
    prices      money[] DEFAULT '{1,2}',
    address     other.address DEFAULT '10.0.0.1',
    net         cidr DEFAULT inet '10.1.0.0/16'::cidr,
    pair        other.pair DEFAULT ROW(1, 'ok', 'x'),
    nested      other.nested,
    tags        other.hstore DEFAULT '"a"=>"1"',
    email       other.citext CHECK (email LIKE '%@%'),
    path        ltree,
    uid         uuid DEFAULT gen_random_uuid(),
    digest      bytea DEFAULT digest('x', 'sha256'),
    readsome    bigint DEFAULT other.reads(),
    named       text DEFAULT other.code_of(5),
    made        text GENERATED ALWAYS AS (other.code_of(7)) STORED,
    at          timestamptz(0) DEFAULT CURRENT_TIMESTAMP(0),
    span        interval year to month DEFAULT '1 year',
    during      tstzrange DEFAULT tstzrange(now(), NULL),
    bits        bit(3) DEFAULT B'101',
    any_bits    varbit DEFAULT '1',
    padded      char(5) DEFAULT 'ab',
    blank       bpchar,
    letter      "char" DEFAULT 'x',
    nm          name DEFAULT CURRENT_USER,
    class       regclass DEFAULT 'pg_class'::regclass,
    tid         tid,
    xid         xid,
    vector      tsvector GENERATED ALWAYS AS (to_tsvector('simple', 'x')) STORED,
    lower       text GENERATED ALWAYS AS (md5(other.code_of(1))) STORED,
    PRIMARY KEY ("select", "Größe ✓") INCLUDE (code) DEFERRABLE,
    CONSTRAINT "odd "" check" CHECK ("a""b" IS NOT NULL OR "Größe ✓" > 0),
    CONSTRAINT uses_function CHECK (named <> other.prefix())
);
CREATE TABLE other.child (extra int) INHERITS ("Odd ""S"."T
able");
CREATE TABLE other.leafed (id int, kind text, at timestamp, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE other.leaf_a (at timestamp, kind text NOT NULL, id int NOT NULL);
ALTER TABLE other.leafed ATTACH PARTITION other.leaf_a FOR VALUES IN ('a', 'it''s');
CREATE TABLE other.leaf_rest PARTITION OF other.leafed DEFAULT;
ALTER TABLE other.leaf_rest ADD CONSTRAINT only_here CHECK (id > 0);
CREATE TABLE other.keyed (id bigserial PRIMARY KEY, at timestamp, UNIQUE (at));
CREATE TABLE other.nothing ();
CREATE VIEW other.seen AS SELECT id FROM other.keyed;
CREATE FUNCTION other.of_index(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT md5(t)';
CREATE INDEX by_function ON other.leafed (other.of_index(kind));
