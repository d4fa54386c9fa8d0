-- Asks whether a schema is there and whether our role may create objects in it; no row when it is not there.
-- Parameter: schema (literal).
select has_schema_privilege(oid, 'CREATE') as may_create
from pg_catalog.pg_namespace
where nspname = :'schema'
