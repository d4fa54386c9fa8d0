-- The indexes of a table other than a unique one on its id alone: the statement that would create each, and how that begins, up to its method.
-- With pg_catalog as search_path every name in them has its schema. Parameters: $1 oid of the table, $2 its id column.
select x.relname::pg_catalog.text as name,
       i.indisunique as is_unique,
       -- Of keys, and of expressions and conditions.
       array(select n.attname::pg_catalog.text
               from pg_catalog.pg_attribute n
              where n.attrelid = c.oid
                and (n.attnum = any (i.indkey)
                     or exists (select from pg_catalog.pg_depend d
                                 where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = i.indexrelid
                                   and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = c.oid and d.refobjsubid = n.attnum))
              order by n.attnum) as columns,
       pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
       pg_catalog.format('CREATE %sINDEX %I ON %s%I.%I USING ', case when i.indisunique then 'UNIQUE ' else '' end, x.relname,
                         case when c.relkind = 'p' then 'ONLY ' else '' end, n.nspname, c.relname) as head
  from pg_catalog.pg_index i
  join pg_catalog.pg_class x on x.oid = i.indexrelid
  join pg_catalog.pg_class c on c.oid = i.indrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
 where i.indrelid = $1 and i.indisvalid
   and not (i.indisunique and i.indnkeyatts = 1 and i.indpred is null and a.attname is not distinct from $2)
 order by x.relname;
