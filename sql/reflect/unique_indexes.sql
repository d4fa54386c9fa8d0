-- The unique indexes of a table, by their columns; an expression among them is an empty name. Of a partial one its predicate, and every column
-- that it needs.
-- Parameter: $1 the table's oid.
select array(
         select coalesce(a.attname::text, '')
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
           left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum > 0
          where k.place <= i.indnkeyatts
          order by k.place
       ) as columns,
       i.indpred is null and i.indimmediate and i.indisvalid as decides,
       pg_get_expr(i.indpred, i.indrelid) as predicate,
       array(
         select distinct a.attname::text
           from pg_depend d
           join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
          where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refclassid = 'pg_class'::regclass
            and d.refobjid = i.indrelid and d.refobjsubid > 0
       ) as needs
  from pg_index i where i.indrelid = $1 and i.indisunique;
