-- Which table bears the name now.
-- Variables: qualified (schema and table quoted for SQL, as a literal).
select pg_catalog.to_regclass(:'qualified')::pg_catalog.oid;
