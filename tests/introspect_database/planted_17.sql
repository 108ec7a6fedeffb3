-- What PostgreSQL 17 added.
CREATE TABLE app.numbered (id int GENERATED ALWAYS AS IDENTITY, at date) PARTITION BY RANGE (at);
CREATE TABLE app.numbered_1 PARTITION OF app.numbered DEFAULT;
