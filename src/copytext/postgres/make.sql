-- The COPY text of values, and of the same values as PostgreSQL itself truncates and trims them.
-- Run from this folder in a scratch UTF8 database: psql -X -q -f make.sql
-- The files here were written by PostgreSQL 15.
SET DateStyle = ISO;
CREATE TEMP TABLE moments (id serial, ts timestamp, text text);
INSERT INTO moments (ts, text)
SELECT day + time, text
FROM unnest(ARRAY['4713-01-02 BC', '0044-03-15 BC', '0001-01-01', '0999-12-31', '1582-10-15',
    '1883-11-18', '1969-12-31', '1970-01-01', '2000-02-29', '2024-03-31', '9999-12-31', '10000-01-01',
    '200000-07-01', '294276-12-30']::timestamp[]) AS day,
  ROWS FROM (
    unnest(ARRAY['00:00:00', '00:00:00.000001', '01:02:03.000456', '05:06:07.1', '11:22:33.100456',
      '12:00:00.120456', '15:16:17.123', '17:18:19.12345', '20:00:00.123456', '23:59:59.999',
      '23:59:59.9996', '23:59:59.999999']::interval[]),
    unnest(ARRAY[NULL, '', 'a', ' a b', E'back\\', E'\\', E'tab\t', 'é', E'\\N', E'\\.', E'line\n',
      'full size']::char(9)[])
  ) AS pairs (time, text)
ORDER BY day, time;
INSERT INTO moments (ts) VALUES ('infinity'), ('-infinity'), (NULL);

-- One row per moment and zone: offsets of hours, of minutes and (long ago) of seconds.
CREATE FUNCTION pg_temp.line(unit text, ts timestamp, text text, OUT plain timestamp,
  OUT zoned timestamptz, OUT padded text, OUT several timestamp[], OUT bounded timestamptz[])
LANGUAGE sql AS $$
  WITH cut AS (SELECT CASE WHEN unit = 'none' THEN ts ELSE date_trunc(unit, ts) END AS at)
  SELECT at, at AT TIME ZONE 'UTC', CASE WHEN unit = 'none' THEN rpad(text, 9) ELSE rtrim(text, ' ') END,
    CASE WHEN isfinite(at) THEN ARRAY[[at, NULL], ['infinity', at]] ELSE '{}' END,
    ('[-1:0]={' || coalesce(quote_ident((at AT TIME ZONE 'UTC')::text), 'NULL') || ',NULL}')::timestamptz[]
  FROM cut
$$;
SET TimeZone = 'America/St_Johns';
\copy (SELECT id, (pg_temp.line('none', ts, text)).* FROM moments ORDER BY id) TO 'west.copy'
\copy (SELECT id, (pg_temp.line('milliseconds', ts, text)).* FROM moments ORDER BY id) TO 'west.3.copy'
\copy (SELECT id, (pg_temp.line('second', ts, text)).* FROM moments ORDER BY id) TO 'west.0.copy'
SET TimeZone = 'Asia/Kolkata';
\copy (SELECT id, (pg_temp.line('none', ts, text)).* FROM moments ORDER BY id) TO 'east.copy'
\copy (SELECT id, (pg_temp.line('milliseconds', ts, text)).* FROM moments ORDER BY id) TO 'east.3.copy'
