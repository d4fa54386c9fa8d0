-- The key of a table: its primary key, otherwise the first of its unique indexes whose columns are never null; not one that is partial, on
-- expressions, deferrable or not valid. No row where there is none.
-- Parameter: $1 the table's oid.
select array(
         select a.attname::text
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
           join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
          where k.place <= i.indnkeyatts
          order by k.place
       ) as columns
  from pg_index i
 where i.indrelid = $1 and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
   and not exists (
     select from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
       join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
      where k.place <= i.indnkeyatts and not a.attnotnull
   )
 order by i.indisprimary desc, i.indexrelid
 limit 1;
