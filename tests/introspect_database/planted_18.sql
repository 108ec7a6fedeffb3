-- What PostgreSQL 18 added.
CREATE TABLE app.computed (a int NOT NULL, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c int);
ALTER TABLE app.computed ADD CONSTRAINT c_there NOT NULL c NOT VALID;
ALTER TABLE app.computed ADD CONSTRAINT small CHECK (a < 10) NOT ENFORCED;
CREATE TABLE app.rooms (id int4range, during tsrange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE app.stays (id int4range, during tsrange, FOREIGN KEY (id, PERIOD during) REFERENCES app.rooms (id, PERIOD during));
