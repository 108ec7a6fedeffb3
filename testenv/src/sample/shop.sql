-- A shop of the usual kind: {customers} customers and what follows from them. Everything follows from
-- the row's number, so that the same factor always gives the same rows.
CREATE TYPE order_status AS ENUM ('pending', 'paid', 'shipped', 'delivered', 'cancelled');
CREATE DOMAIN email AS varchar(120) CHECK (VALUE LIKE '%@%');

CREATE TABLE customers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email      email NOT NULL UNIQUE,
    name       text NOT NULL,
    country    char(2) NOT NULL,
    birthday   date,
    balance    numeric(12,2) NOT NULL DEFAULT 0,
    vip        boolean NOT NULL DEFAULT false,
    tags       text[] NOT NULL DEFAULT '{}',
    address    jsonb NOT NULL,
    last_ip    inet,
    notes      text,
    created_at timestamptz NOT NULL,
    updated_at timestamp
);
INSERT INTO customers (email, name, country, birthday, balance, vip, tags, address, last_ip, notes,
                       created_at, updated_at)
SELECT 'customer' || i || '@example.com',
       (ARRAY['Ada', 'Björn', 'Chloé', 'Дмитрий', 'Ελένη', '芳子', 'Zoë', 'O''Neil'])[1 + i % 8]
           || ' ' || (ARRAY['Müller', 'García', 'Smith "Jr."', 'Иванова', '山田', 'Ní Bhriain'])[1 + i % 6],
       (ARRAY['DE', 'FR', 'JP', 'US', 'IE'])[1 + i % 5],
       CASE WHEN i % 9 <> 0 THEN date '1940-01-01' + (i * 7919 % 25000)::int END,
       (i * 104729 % 2000000 - 1000000) / 100.0,
       i % 13 = 0,
       CASE i % 4 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['new'] WHEN 2 THEN ARRAY['a,b', 'c"d', NULL]
                  ELSE ARRAY['loyal', 'back\slash', ''] END,
       jsonb_build_object('street', (i % 200) || ' Main St.', 'zip', lpad((i % 99999)::text, 5, '0'),
                          'geo', jsonb_build_array(i % 180 - 90, i % 360 - 180), 'unit', NULL),
       CASE WHEN i % 3 = 0 THEN inet '10.0.0.0' + i WHEN i % 3 = 1 THEN inet '2001:db8::' + i END,
       CASE i % 11 WHEN 0 THEN '' WHEN 1 THEN E'two\nlines' WHEN 2 THEN E'tab\there' WHEN 3 THEN '\N'
                   WHEN 4 THEN 'C:\temp\' WHEN 5 THEN '☂ gift wrap' END,
       timestamptz '2019-03-01 08:00:00+00' + i * interval '4217.123457 seconds',
       CASE WHEN i % 5 <> 0 THEN timestamp '2024-01-01' + i * interval '13.000517 seconds' END
FROM generate_series(1::bigint, {customers}) i;

CREATE TABLE products (
    id         int PRIMARY KEY,
    sku        char(16) NOT NULL UNIQUE,
    name       varchar(80) NOT NULL,
    price      numeric(10,2) NOT NULL CHECK (price >= 0),
    weight     real,
    size_cm    double precision[],
    stock      smallint NOT NULL,
    attributes jsonb,
    manual     xml,
    photo      bytea,
    search     tsvector,
    released   date
);
INSERT INTO products
SELECT i, 'P' || lpad((i * 7 % 100000)::text, 5 + (i % 3)::int, '0') || '-' || i,
       (ARRAY['Lamp', 'Chair', 'Café set', 'Regal "Kürz"', 'Tapis'])[1 + i % 5] || ' no. ' || i,
       (i * 7919 % 100000) / 100.0,
       CASE WHEN i % 7 <> 0 THEN ((i * 31 % 5000) / 97.0)::real END,
       ARRAY[(i % 90) / 3.0, (i % 70) / 7.0, i % 50]::double precision[],
       (i * 13 % 500)::smallint,
       jsonb_build_object('colour', (ARRAY['red', 'grün', 'bleu'])[1 + i % 3], 'rating', (i % 50) / 10.0,
                          'since', '2023-04-05 06:07:08.123456'),
       CASE WHEN i % 10 = 0 THEN xmlparse(CONTENT '<manual n="' || i || '">a &amp; b</manual>') END,
       CASE WHEN i % 4 = 0 THEN decode(repeat(md5(i::text), 8), 'hex') END,
       to_tsvector('simple', 'product number ' || i || ' is ' || (i % 17)),
       date '2010-01-01' + (i * 37 % 5000)::int
FROM generate_series(1, {products}) i;

CREATE TABLE orders (
    id          bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    status      order_status NOT NULL,
    channel     varchar(10) NOT NULL,
    placed_at   timestamptz NOT NULL,
    shipped_at  timestamptz,
    total       numeric(14,4) NOT NULL,
    reference   uuid NOT NULL UNIQUE,
    comment     text
);
INSERT INTO orders
SELECT i, 1 + i * 7919 % {customers},
       (enum_range(NULL::order_status))[1 + i % 5],
       (ARRAY['web', 'app', 'phone', 'shop'])[1 + i % 4],
       timestamptz '2022-01-01 00:00:00+00' + i * interval '1571.987654 seconds',
       CASE WHEN i % 5 IN (2, 3)
            THEN timestamptz '2022-01-03 12:00:00+00' + i * interval '1571.999999 seconds' END,
       (i * 104729 % 10000000) / 10000.0,
       md5('order ' || i)::uuid,
       CASE i % 6 WHEN 0 THEN 'leave at the door' WHEN 1 THEN E'ring\r\ntwice' WHEN 2 THEN '' END
FROM generate_series(1::bigint, {orders}) i;
CREATE INDEX ON orders (customer_id);

CREATE TABLE order_items (
    order_id   bigint NOT NULL REFERENCES orders,
    line       smallint NOT NULL,
    product_id int NOT NULL REFERENCES products,
    quantity   int NOT NULL,
    price      numeric(10,2) NOT NULL,
    discount   real,
    PRIMARY KEY (order_id, line)
);
INSERT INTO order_items
SELECT o, l, 1 + (o * 31 + l * 17) % {products}, 1 + (o + l) % 4, (o * l * 7919 % 90000) / 100.0,
       CASE WHEN (o + l) % 6 = 0 THEN ((o % 30) / 100.0)::real END
FROM generate_series(1::bigint, {orders}) o, LATERAL generate_series(1, 1 + (o % 3)::int) l;

-- Without a key, and with rows that occur more than once.
CREATE TABLE events (
    at          timestamptz NOT NULL,
    customer_id bigint,
    kind        text NOT NULL,
    duration    interval,
    payload     json
);
INSERT INTO events
SELECT timestamptz '2024-05-01 00:00:00+00' + (i / 2) * interval '0.314159 seconds',
       CASE WHEN i % 10 <> 0 THEN 1 + (i / 2) * 31 % {customers} END,
       (ARRAY['view', 'click', 'buy', 'search'])[1 + (i / 2) % 4],
       ((i / 2) % 5000) * interval '1 millisecond',
       json_build_object('page', '/p/' || (i / 2) % 1000, 'q', E'a\tb "c" \\ d')
FROM generate_series(1::bigint, {events}) i;

CREATE TABLE documents (
    id       uuid PRIMARY KEY,
    owner_id bigint REFERENCES customers,
    title    text NOT NULL,
    body     text NOT NULL,
    raw      bytea,
    saved    timestamp[] NOT NULL
);
INSERT INTO documents
SELECT md5('document ' || i)::uuid, CASE WHEN i % 4 <> 0 THEN 1 + i * 17 % {customers} END,
       'Document ' || i,
       repeat(md5(i::text) || E' lorem ipsum\n', 20 + (i * 37 % 400)::int) || E'\\ end \t ✓',
       decode(repeat(md5('raw ' || i), (i % 60)::int), 'hex'),
       ARRAY[timestamp '2023-01-01 10:00:00.123456' + i * interval '1.000001 seconds',
             NULL, timestamp '2023-06-01' + i * interval '7 seconds']
FROM generate_series(1::bigint, {documents}) i;

-- Partitioned by year; in a DB9 one plain table.
CREATE TABLE readings (
    sensor     int NOT NULL,
    at         timestamptz NOT NULL,
    value      double precision,
    voltage    real,
    quality    smallint,
    PRIMARY KEY (sensor, at)
) PARTITION BY RANGE (at);
CREATE TABLE readings_2022 PARTITION OF readings
    FOR VALUES FROM ('2022-01-01 00:00:00+00') TO ('2023-01-01 00:00:00+00');
CREATE TABLE readings_2023 PARTITION OF readings
    FOR VALUES FROM ('2023-01-01 00:00:00+00') TO ('2024-01-01 00:00:00+00');
CREATE TABLE readings_later PARTITION OF readings DEFAULT;
INSERT INTO readings
SELECT i % 50, timestamptz '2022-06-01 00:00:00.000001+00' + i * (interval '730 days' / {readings}),
       CASE WHEN i % 97 = 0 THEN 'NaN' ELSE (i * 7919 % 1000003) / 1000003.0 * 100 - 50 END,
       ((i % 330) / 100.0)::real, CASE WHEN i % 8 <> 0 THEN (i % 5)::smallint END
FROM generate_series(1::bigint, {readings}) i;
