-- What PostgreSQL 18 added.
CREATE EXTENSION btree_gist;
CREATE TABLE virtual (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL);
CREATE TABLE temporal (id int, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE lax (id int CONSTRAINT lax_id_named_not_null NOT NULL, a int, CONSTRAINT not_enforced CHECK (a > 0) NOT ENFORCED);
CREATE TABLE part (id int GENERATED ALWAYS AS IDENTITY, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE UNLOGGED SEQUENCE unlogged;
