-- Every type, every escape, every odd name, every kind of table.
CREATE SCHEMA "Odd Schema";
CREATE SCHEMA archive;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'it''s "odd", isn''t it\');
CREATE TYPE pair AS (number int, label text);
CREATE DOMAIN stamp AS timestamptz;
CREATE DOMAIN later_stamp AS stamp CHECK (VALUE > '1900-01-01 00:00:00+00');
CREATE DOMAIN stamps AS timestamp[];
CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100);

-- Every built-in type. The last row is all NULL.
CREATE TABLE all_types (
    id          int PRIMARY KEY,
    c_bool      boolean,
    c_int2      smallint,
    c_int4      integer,
    c_int8      bigint,
    c_float4    real,
    c_float8    double precision,
    c_numeric   numeric,
    c_money     money,
    c_text      text,
    c_varchar   varchar(20),
    c_char      char(10),
    c_name      name,
    c_bytea     bytea,
    c_date      date,
    c_time      time,
    c_timetz    timetz,
    c_timestamp timestamp,
    c_timestamptz timestamptz,
    c_interval  interval,
    c_uuid      uuid,
    c_json      json,
    c_jsonb     jsonb,
    c_xml       xml,
    c_tsvector  tsvector,
    c_tsquery   tsquery,
    c_enum      mood,
    c_inet      inet,
    c_cidr      cidr,
    c_macaddr   macaddr,
    c_macaddr8  macaddr8,
    c_bit       bit(5),
    c_varbit    varbit,
    c_int4range int4range,
    c_numrange  numrange,
    c_daterange daterange,
    c_point     point,
    c_box       box,
    c_path      path,
    c_polygon   polygon,
    c_circle    circle,
    c_composite pair,
    c_percent   percent,
    c_stamp     stamp,
    c_later     later_stamp,
    c_oid       oid,
    c_pg_lsn    pg_lsn
);
INSERT INTO all_types VALUES
(1, true, 1, 2, 3, 1.1, 2.2, 3.3, 4.4, 'text', 'varchar', 'char', 'name', '\x00ff5c0a09', '2024-02-29',
 '12:34:56.123456', '12:34:56.123456+05:30', '2024-02-29 12:34:56.123456',
 '2024-02-29 12:34:56.123456+00', '1 year 2 months 3 days 04:05:06.789',
 '00000000-0000-0000-0000-000000000001', '{"b": 1, "a" : [1, 2 ,3], "b": "twice"}', '{"b": 1, "a": "é\\n"}',
 '<a b="c">d &amp; e</a>', 'a:1A fat:2B,4C ''q u'':3', '''fat'' & (''rat'' | !''cat'':B)', 'happy',
 '192.168.1.5/24', '10.1.0.0/16', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'101',
 '[1,10)', '(,5.5]', '[2024-01-01,infinity)', '(1,2.5)', '(3,4),(1,2)', '[(1,2),(3,4)]',
 '((0,0),(1,1),(2,0))', '<(1,2),3>', '(7,"a ""b"" \\ c")', 99.99, '2024-02-29 12:34:56.987654+00',
 '2024-02-29 12:34:56.000999+00', 4294967295, '16/B374D848'),
(2, false, -32768, -2147483648, -9223372036854775808, '-3.4028235e38', '-1.7976931348623157e308',
 '-0.000000000000000000000000001', '-92233720368547758.08', '', '', '', '', '', '4713-01-01 BC',
 '00:00:00', '00:00:00-15:59', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC',
 '-1 year -2 months -3 days -04:05:06.789', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '""', '[]', '',
 '', '''a''', 'sad', '::/0', '::/128', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', B'00000', B'',
 'empty', '(,)', '(,)', '(-1e300,1e-300)', '(0,0),(0,0)', '((1,1))', '((1,1))', '<(0,0),0>', '(,)', 0,
 '-infinity', '1900-01-01 00:00:00.000001+00', 0, '0/0'),
(3, NULL, 32767, 2147483647, 9223372036854775807, 'NaN', 'Infinity', 'NaN', '92233720368547758.07',
 '𝄞 naïve ✓', 'ünïcödé ✓', '  x', 'n', '\x', '5874897-12-31', '24:00:00', '24:00:00+15:59',
 'infinity', 'infinity', '178000000 years', '12345678-1234-5678-1234-567812345678', 'null', 'null',
 '<?xml version="1.0"?><a/>', '''\\'':1', '''\\''', 'it''s "odd", isn''t it\', 'fe80::1', '127.0.0.1/32',
 '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', B'11111', B'1111111111111111111111111111111111', '[5,5]',
 '[0.1,0.2)', '[-infinity,2024-01-01)', '(NaN,Infinity)', '(1,1),(-1,-1)', '[(0,0)]', '((0,0),(5,5))',
 '<(1e10,-1e10),1e-5>', '(-1,)', 100, 'infinity', 'infinity', 1, 'FFFFFFFF/FFFFFFFF');
INSERT INTO all_types (id) VALUES (4);

CREATE TABLE arrays (
    id         int PRIMARY KEY,
    numbers    int[],
    words      text[],
    flags      boolean[],
    amounts    numeric[],
    blobs      bytea[],
    moods      mood[],
    objects    jsonb[],
    moments    timestamp[],
    moments_tz timestamptz[],
    by_domain  stamps,
    matrix     int[][],
    grid       timestamp[][]
);
INSERT INTO arrays VALUES
(1, '{1,2,3}', '{a,b}', '{t,f}', '{1.10,-2}', ARRAY['\x00'::bytea, '\x5c'], '{sad,happy}',
 ARRAY['{"a": "2024-01-01 00:00:00.123456"}'::jsonb], '{"2024-01-01 00:00:00.123456"}',
 '{"2024-01-01 00:00:00.123456+00"}', '{"2024-01-01 00:00:00.123456"}', '{{1,2},{3,4}}',
 '{{"2024-01-01 00:00:00.123456"},{"2024-01-01 00:00:00.654321"}}'),
(2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
(3, '[0:2]={7,NULL,9}', '[-3:-2]={x,NULL}', '{NULL}', '{NaN,NULL}', '{NULL}', '{NULL}', '{NULL}',
 '[0:3]={infinity,-infinity,NULL,"1969-12-31 23:59:59.999999"}',
 '[5:7]={infinity,"0044-03-15 12:00:00.100456+00 BC",NULL}',
 '[-1:0]={"2024-01-01 00:00:00.000456","2024-01-01 00:00:00.1"}', '[2:3][0:1]={{1,NULL},{3,4}}', NULL),
(4, '{NULL,NULL}', ARRAY['', 'NULL', 'null', '{}', '"', '\', E'\n', E'\t', ',', ' a ', '\N', 'ü✓'],
 '{t}', '{0}', ARRAY['\x'::bytea], ARRAY['it''s "odd", isn''t it\'::mood],
 ARRAY['"quote \" and \\ backslash"'::jsonb, 'null'::jsonb], '{"12345-06-07 08:09:10.111111"}',
 '{"12345-06-07 08:09:10.111111+00","2024-01-01 00:00:00.999999+00"}', NULL, NULL, NULL),
(5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE escapes (id int PRIMARY KEY, body text);
INSERT INTO escapes
SELECT i, 'before' || chr(i) || 'after' FROM generate_series(1, 160) i;
INSERT INTO escapes
SELECT 200 + row_number() OVER (), body FROM (VALUES
    (''), (NULL), ('\N'), ('\.'), ('\'), ('\\'), ('ends with \'), (E'\r\n'), (E'line\r\nline\r\n'), (E'\n'),
    (E'\r'), (E'\t'), (E'\t\t\n\n'), (E'\b\f\n\r\t\v\\'), ('\b\f\n\r\t\v\\'), ('\x41'), ('\101'), ('\0'),
    ('NULL'), ('null'), ('"'), (''''), ('a,b'), (' '), (E'\\\n'), (E'\\\t\\'), (E'\\.\n\\.'), (E'\n\\.\n'),
    ('naïve ✓ 𝄞'), (E'e\u0301'), (E'\uFEFFbom'), (E'\u00a0\u2028\u2029'), ('עברית'), (repeat('\', 1001)),
    (repeat(E'\t', 999)), (repeat('x', 100000) || E'\n')) AS t(body);

-- The line of such a row is nothing but the value.
CREATE TABLE only_text (body text);
INSERT INTO only_text VALUES ('\.'), ('\.'), (''), (NULL), ('\N'), (E'\n'), ('\'), (''), (NULL), ('x');

CREATE TABLE looks_like_time (id int PRIMARY KEY, t text, v varchar(40), j json, b jsonb, a text[]);
INSERT INTO looks_like_time VALUES
(1, '2024-01-01 00:00:00.123456', '2024-01-01 00:00:00.123456+00',
 '{"at": "2024-01-01T00:00:00.123456Z"}', '{"at": "2024-01-01 00:00:00.123456"}',
 '{"2024-01-01 00:00:00.123456"}'),
(2, '1.123456', '23:59:59.999999', '1.1234567890', '1.1234567890', '{1.123456}');

CREATE TABLE moments (
    id    int PRIMARY KEY,
    local timestamp,
    zoned timestamptz,
    day   date,
    clock time
);
INSERT INTO moments
SELECT row_number() OVER (), t::timestamp, (t || '+00')::timestamptz, t::date, t::timestamp::time FROM (VALUES
    ('2024-01-01 00:00:00'), ('2024-01-01 00:00:00.1'), ('2024-01-01 00:00:00.100456'),
    ('2024-01-01 00:00:00.000456'), ('2024-01-01 00:00:00.000999'), ('2024-01-01 00:00:00.001'),
    ('2024-01-01 00:00:00.999999'), ('2024-12-31 23:59:59.999999'), ('2024-12-31 23:59:59.9996'),
    ('2024-02-29 12:00:00.120000'), ('1970-01-01 00:00:00'), ('1969-12-31 23:59:59.999999'),
    ('1969-12-31 23:59:59.000001'), ('1900-01-01 00:00:00.123456'), ('0001-01-01 00:00:00.000001'),
    ('9999-12-31 23:59:59.999999'), ('2000-01-01 00:00:00.500500'), ('1582-10-10 10:10:10.101010')) AS v(t);
INSERT INTO moments VALUES
(100, '0044-03-15 12:00:00.100456 BC', '0044-03-15 12:00:00.100456+00 BC', '0044-03-15 BC', '00:00:00.000001'),
(101, '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC', '4714-11-24 BC', '23:59:59.999999'),
(102, '12345-06-07 08:09:10.123456', '12345-06-07 08:09:10.123456+00', '12345-06-07', '24:00:00'),
(103, '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '5874897-12-31', '12:00:00.1'),
(104, 'infinity', 'infinity', 'infinity', NULL),
(105, '-infinity', '-infinity', '-infinity', NULL),
(106, NULL, NULL, NULL, NULL),
(107, '0001-12-31 23:59:59.9996 BC', '1800-01-01 00:00:00.123456+00:53:28', NULL, NULL);

-- In the target these have fewer digits, and PostgreSQL would round to them.
CREATE TABLE moments_fewer_digits (id int PRIMARY KEY, three timestamp, none timestamptz, one timestamp);
INSERT INTO moments_fewer_digits VALUES
(1, '2024-12-31 23:59:59.9996', '2024-12-31 23:59:59.9996+00', '2024-12-31 23:59:59.96'),
(2, '2024-01-01 00:00:00.123456', '1969-12-31 23:59:59.5+00', 'infinity'),
(3, NULL, '-infinity', '0044-03-15 12:00:00.99 BC');

CREATE TABLE numbers (
    id     int PRIMARY KEY,
    n      numeric,
    scaled numeric(30,10),
    f8     double precision,
    f4     real
);
INSERT INTO numbers VALUES
(1, '0', '0', '0', '0'), (2, '-0.00', '-0.00', '-0', '-0'), (3, 'NaN', 'NaN', 'NaN', 'NaN'),
(4, '1.10', '1.1', 'Infinity', 'Infinity'), (5, '100', '100', '-Infinity', '-Infinity'),
(6, '9999999999999999999999999999', '99999999999999999999.9999999999', '5e-324', '1e-45'),
(7, '0.0000000000000000000000000001', '0.0000000001', '2.2250738585072014e-308', '1.1754944e-38'),
(8, '1234567890.12345678901234567890', '-1.5', '0.1', '0.1'),
(9, '1e1000', NULL, '1.7976931348623157e308', '3.4028235e38'),
(10, '-1e-1000', NULL, '123456789012345680', '16777217'),
(11, '1e28', NULL, '0.30000000000000004', '0.33333334'), (12, NULL, NULL, NULL, NULL);

-- Without a key, and with rows that occur more than once.
CREATE TABLE no_key (a int, b text);
INSERT INTO no_key SELECT i % 7, CASE WHEN i % 3 <> 0 THEN 'row ' || i % 5 END FROM generate_series(1, 500) i;

CREATE TABLE no_rows (id int PRIMARY KEY, at timestamptz, body text);

CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;

CREATE TABLE only_generated (a int GENERATED ALWAYS AS (42) STORED);
INSERT INTO only_generated DEFAULT VALUES;
INSERT INTO only_generated DEFAULT VALUES;

CREATE TABLE generated_and_identity (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    net   numeric(10,2) NOT NULL,
    gross numeric(12,4) GENERATED ALWAYS AS (net * 1.19) STORED,
    seq   bigserial,
    at    timestamptz NOT NULL
);
INSERT INTO generated_and_identity (net, at)
SELECT i * 1.25, timestamptz '2024-01-01 00:00:00.000001+00' + i * interval '1.111111 seconds'
FROM generate_series(1, 1000) i;

-- Attribute numbers have holes, and the target has another order.
CREATE TABLE dropped_columns (gone int, id int PRIMARY KEY, gone_too text, a text, b timestamp);
ALTER TABLE dropped_columns DROP COLUMN gone, DROP COLUMN gone_too, ADD COLUMN c int DEFAULT 5;
INSERT INTO dropped_columns SELECT i, 'a' || i, timestamp '2024-01-01 00:00:00.123456', i FROM generate_series(1, 20) i;

-- Values of these are stored out of line.
CREATE TABLE toasted (id int PRIMARY KEY, body text, raw bytea);
ALTER TABLE toasted ALTER body SET STORAGE EXTERNAL, ALTER raw SET STORAGE EXTERNAL;
INSERT INTO toasted
SELECT i, repeat(md5(i::text) || E'\n', 200 * i), decode(repeat(md5(i::text), 300 * i), 'hex')
FROM generate_series(1, 30) i;

-- Two levels of partitions, one leaf in another schema, one table for the rest.
CREATE TABLE measurements (
    at     timestamptz NOT NULL,
    region text NOT NULL,
    value  double precision
) PARTITION BY RANGE (at);
CREATE TABLE measurements_old PARTITION OF measurements
    FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2021-01-01 00:00:00+00') PARTITION BY LIST (region);
CREATE TABLE measurements_old_north PARTITION OF measurements_old FOR VALUES IN ('north');
CREATE TABLE archive.measurements_old_south PARTITION OF measurements_old FOR VALUES IN ('south');
CREATE TABLE measurements_new PARTITION OF measurements
    FOR VALUES FROM ('2021-01-01 00:00:00+00') TO ('2022-01-01 00:00:00+00');
CREATE TABLE measurements_rest (value double precision, region text NOT NULL, at timestamptz NOT NULL);
ALTER TABLE measurements ATTACH PARTITION measurements_rest DEFAULT;
INSERT INTO measurements
SELECT timestamptz '2020-01-01 00:00:00.000001+00' + i * interval '1 day',
       (ARRAY['north', 'south'])[1 + i % 2], i / 3.0
FROM generate_series(0, 999) i;

-- Rows in the parent and in the child; the parent alone is half of what SELECT shows.
CREATE TABLE animals (id int NOT NULL, name text, born timestamp);
CREATE TABLE dogs (breed text) INHERITS (animals);
INSERT INTO animals SELECT i, 'animal ' || i, timestamp '2020-01-01 00:00:00.123456' FROM generate_series(1, 50) i;
INSERT INTO dogs SELECT i, 'dog ' || i, timestamp '2021-01-01 00:00:00.123456', 'breed' FROM generate_series(51, 80) i;

-- Names.
CREATE TABLE "Odd Schema"."Table ""with"" quotes, 'apostrophes' and Capitals" (
    "Id"              int PRIMARY KEY,
    "a b"             text,
    "quote "" inside" text,
    "back\slash"      text,
    "tab	and
newline"              text,
    "percent % $1 {}" text
);
INSERT INTO "Odd Schema"."Table ""with"" quotes, 'apostrophes' and Capitals"
SELECT i, 'a', 'b', 'c', 'd', 'e' FROM generate_series(1, 10) i;
CREATE TABLE "new
line" ("select" int PRIMARY KEY, "from" text, "order" timestamp);
INSERT INTO "new
line" VALUES (1, 'a', '2024-01-01 00:00:00.123456');
CREATE TABLE "select" ("table" int PRIMARY KEY, "user" text, "group" text, "end" timestamptz);
INSERT INTO "select" VALUES (1, 'u', 'g', '2024-01-01 00:00:00.123456+00');
CREATE TABLE table_whose_name_has_the_greatest_length_of_sixty_three_bytes_x (
    column_whose_name_has_the_greatest_length_of_sixty_three_byte_x int PRIMARY KEY
);
INSERT INTO table_whose_name_has_the_greatest_length_of_sixty_three_bytes_x VALUES (1), (2);
CREATE TABLE "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüxyz" ("größe ✓" int PRIMARY KEY, "名前" text);
INSERT INTO "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüxyz" VALUES (1, '芳子');
CREATE TABLE "UPPER" (id int PRIMARY KEY);
CREATE TABLE upper (id int PRIMARY KEY);
INSERT INTO "UPPER" VALUES (1);
INSERT INTO upper VALUES (2), (3);
CREATE TABLE "dots.in.name" ("a.b" int PRIMARY KEY);
INSERT INTO "dots.in.name" VALUES (1);

-- Filled only where it is asked for.
CREATE TABLE huge (id int PRIMARY KEY, body text);
CREATE SCHEMA tiny;
