-- The triggers of a table and of its partitions that are not disabled, and how they are enabled (`O`, `A`, `R`). Of a trigger that every
-- partition has from its parent each partition's is given: it can be set by itself. Until PostgreSQL 14 those count as internal.
-- Parameters: $1 oid of the table.
select n.nspname::pg_catalog.text as schema, c.relname::pg_catalog.text as table, t.tgname::pg_catalog.text as name, t.tgenabled::pg_catalog.text as enabled
  from pg_catalog.pg_trigger as t
  join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) t.tgrelid
  join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
 where (t.tgrelid operator(pg_catalog.=) $1::pg_catalog.oid
        or t.tgrelid in (select part.relid from pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) as part))
   and t.tgenabled::pg_catalog.text operator(pg_catalog.<>) 'D'
   and (not t.tgisinternal
        or t.tgparentid operator(pg_catalog.<>) 0::pg_catalog.oid
           and not exists (select from pg_catalog.pg_constraint as k
                            where k.oid operator(pg_catalog.=) t.tgconstraint and k.contype::pg_catalog.text operator(pg_catalog.<>) 't'))
 order by n.nspname, c.relname, t.tgname;
