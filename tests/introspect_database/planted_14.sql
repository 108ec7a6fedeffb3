-- What PostgreSQL 14 added.
CREATE FUNCTION app.standard(n int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT n + count(*) FROM app.parent; END;
CREATE TABLE app.spans (a nummultirange, b app.span[], c text COMPRESSION pglz);
ALTER TABLE app.spans ALTER c SET STORAGE EXTERNAL;
