-- The columns of a table that are sorted by another collation than their type's, with that one as SQL names it. Parameters: $1 oid of the table.
select a.attname::pg_catalog.text as name,
       pg_catalog.format('%I.%I', cn.nspname, c.collname) as collation
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_collation c on c.oid = a.attcollation
  join pg_catalog.pg_namespace cn on cn.oid = c.collnamespace
 where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped and a.attcollation <> t.typcollation;
