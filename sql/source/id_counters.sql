-- Tables beside the events that may hold the next id: one bigint column, next to no pages, readable. At most eight.
-- Parameters: $1 oid of the table.
select c.relname::text as name, a.attname::text as column_name
  from pg_class e
  join pg_class c on c.relnamespace = e.relnamespace and c.oid <> e.oid and c.relkind = 'r' and c.relnatts = 1
  join pg_attribute a on a.attrelid = c.oid and a.attnum = 1 and a.atttypid = 'int8'::regtype and not a.attisdropped
 where e.oid = $1
   and pg_relation_size(c.oid) <= 1048576
   and has_column_privilege(c.oid, a.attnum, 'SELECT')
 order by c.relname
 limit 8;
