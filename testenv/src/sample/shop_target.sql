-- The shop as it must exist in a DB9: no partitions, no domains, and text or a wider type for what a
-- DB9 does not take.
CREATE TYPE order_status AS ENUM ('pending', 'paid', 'shipped', 'delivered', 'cancelled');
CREATE TABLE customers (
    id         bigint PRIMARY KEY,
    email      varchar(120) NOT NULL UNIQUE,
    name       text NOT NULL,
    country    varchar(2) NOT NULL,
    birthday   date,
    balance    numeric(12,2) NOT NULL DEFAULT 0,
    vip        boolean NOT NULL DEFAULT false,
    tags       text[] NOT NULL DEFAULT '{}',
    address    jsonb NOT NULL,
    last_ip    text,
    notes      text,
    created_at timestamptz NOT NULL,
    updated_at timestamp
);
CREATE TABLE products (
    id         integer PRIMARY KEY,
    sku        varchar(16) NOT NULL UNIQUE,
    name       varchar(80) NOT NULL,
    price      numeric(10,2) NOT NULL CHECK (price >= 0),
    weight     double precision,
    size_cm    double precision[],
    stock      integer NOT NULL,
    attributes jsonb,
    manual     text,
    photo      bytea,
    search     tsvector,
    released   date
);
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
CREATE TABLE order_items (
    order_id   bigint NOT NULL REFERENCES orders,
    line       integer NOT NULL,
    product_id integer NOT NULL REFERENCES products,
    quantity   integer NOT NULL,
    price      numeric(10,2) NOT NULL,
    discount   double precision,
    PRIMARY KEY (order_id, line)
);
CREATE TABLE events (
    at          timestamptz NOT NULL,
    customer_id bigint,
    kind        text NOT NULL,
    duration    interval,
    payload     json
);
CREATE TABLE documents (
    id       uuid PRIMARY KEY,
    owner_id bigint REFERENCES customers,
    title    text NOT NULL,
    body     text NOT NULL,
    raw      bytea,
    saved    timestamp[] NOT NULL
);
CREATE TABLE readings (
    sensor     integer NOT NULL,
    at         timestamptz NOT NULL,
    value      double precision,
    voltage    double precision,
    quality    integer,
    PRIMARY KEY (sensor, at)
);
