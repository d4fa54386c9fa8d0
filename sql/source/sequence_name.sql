-- The name of a sequence, and whether our role may know where it stands.
-- Parameters: $1 its oid.
select n.nspname::pg_catalog.text as schema, c.relname::pg_catalog.text as name, pg_catalog.has_sequence_privilege(c.oid, 'SELECT') as may_read
  from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
 where c.oid operator(pg_catalog.=) $1::pg_catalog.oid;
