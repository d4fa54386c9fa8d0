-- Asks whether a schema is there and whether our role may use it and create objects in it; no row when it is not there.
-- Parameter: schema (literal).
select has_schema_privilege(oid, 'CREATE') as may_create,
       has_schema_privilege(oid, 'USAGE') as may_use
from pg_catalog.pg_namespace
where nspname = :'schema'
