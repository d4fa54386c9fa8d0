-- The fingerprint of whatever bears a name; no row where nothing does.
-- Variables: fingerprint (SQL of ours: fingerprint.sql), qualified (schema and table quoted for SQL, as a literal).
select :fingerprint as fingerprint
  from pg_catalog.pg_class as c
 where c.oid operator(pg_catalog.=) pg_catalog.to_regclass(:'qualified')::pg_catalog.oid;
