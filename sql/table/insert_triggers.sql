-- The user triggers that fire on inserts into a table or one of its partitions, disabled ones included.
-- Parameters: $1 oid of the table.
select t.tgname::pg_catalog.text as name,
       pg_catalog.bool_or(t.tgenabled in ('O', 'A')) as is_enabled,
       pg_catalog.bool_or((t.tgtype & 3) = 3) as is_before,
       p.prosrc as function
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_proc p on p.oid = t.tgfoid
 where t.tgrelid in (select $1::pg_catalog.oid union select part.relid from pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) part)
   and not t.tgisinternal
   and (t.tgtype & 4) <> 0
 group by t.tgname, p.prosrc
 order by t.tgname;
