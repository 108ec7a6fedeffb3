-- The Chinook database as it must exist in a DB9: parents before children, keys inline, and without
-- the employee's reference to another employee, which no order of rows can satisfy.
CREATE TABLE artist (artist_id integer PRIMARY KEY, name varchar(120));
CREATE TABLE album (
    album_id  integer PRIMARY KEY,
    title     varchar(160) NOT NULL,
    artist_id integer NOT NULL REFERENCES artist
);
CREATE TABLE employee (
    employee_id integer PRIMARY KEY,
    last_name   varchar(20) NOT NULL,
    first_name  varchar(20) NOT NULL,
    title       varchar(30),
    reports_to  integer,
    birth_date  timestamp,
    hire_date   timestamp,
    address     varchar(70),
    city        varchar(40),
    state       varchar(40),
    country     varchar(40),
    postal_code varchar(10),
    phone       varchar(24),
    fax         varchar(24),
    email       varchar(60)
);
CREATE TABLE customer (
    customer_id    integer PRIMARY KEY,
    first_name     varchar(40) NOT NULL,
    last_name      varchar(20) NOT NULL,
    company        varchar(80),
    address        varchar(70),
    city           varchar(40),
    state          varchar(40),
    country        varchar(40),
    postal_code    varchar(10),
    phone          varchar(24),
    fax            varchar(24),
    email          varchar(60) NOT NULL,
    support_rep_id integer REFERENCES employee
);
CREATE TABLE invoice (
    invoice_id          integer PRIMARY KEY,
    customer_id         integer NOT NULL REFERENCES customer,
    invoice_date        timestamp NOT NULL,
    billing_address     varchar(70),
    billing_city        varchar(40),
    billing_state       varchar(40),
    billing_country     varchar(40),
    billing_postal_code varchar(10),
    total               numeric(10,2) NOT NULL
);
CREATE TABLE genre (genre_id integer PRIMARY KEY, name varchar(120));
CREATE TABLE media_type (media_type_id integer PRIMARY KEY, name varchar(120));
CREATE TABLE playlist (playlist_id integer PRIMARY KEY, name varchar(120));
CREATE TABLE track (
    track_id      integer PRIMARY KEY,
    name          varchar(200) NOT NULL,
    album_id      integer REFERENCES album,
    media_type_id integer NOT NULL REFERENCES media_type,
    genre_id      integer REFERENCES genre,
    composer      varchar(220),
    milliseconds  integer NOT NULL,
    bytes         integer,
    unit_price    numeric(10,2) NOT NULL
);
CREATE TABLE invoice_line (
    invoice_line_id integer PRIMARY KEY,
    invoice_id      integer NOT NULL REFERENCES invoice,
    track_id        integer NOT NULL REFERENCES track,
    unit_price      numeric(10,2) NOT NULL,
    quantity        integer NOT NULL
);
CREATE TABLE playlist_track (
    playlist_id integer NOT NULL REFERENCES playlist,
    track_id    integer NOT NULL REFERENCES track,
    PRIMARY KEY (playlist_id, track_id)
);
