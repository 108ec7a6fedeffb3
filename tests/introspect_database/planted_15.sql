-- What PostgreSQL 15 added.
CREATE TABLE app.nulls (a int UNIQUE NULLS NOT DISTINCT, b int);
CREATE UNLOGGED SEQUENCE app.volatile;
CREATE VIEW app.invoker WITH (security_invoker = true) AS SELECT a FROM app.nulls;
