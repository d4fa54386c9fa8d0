-- The unique indexes of a table, by their columns; an expression among them is an empty name.
-- Parameter: $1 the table's oid.
select array(
         select coalesce(a.attname::text, '')
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
           left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum > 0
          where k.place <= i.indnkeyatts
          order by k.place
       ) as columns,
       i.indpred is null and i.indimmediate and i.indisvalid as decides
  from pg_index i where i.indrelid = $1 and i.indisunique;
