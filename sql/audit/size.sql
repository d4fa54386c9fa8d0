-- How large a table is, its leaf partitions included: estimated rows (0 when never analysed), bytes, and bytes of values stored out of line.
-- Parameters: $1 oid of the table.
select coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 as rows_estimated,
       coalesce(sum(pg_table_size(c.oid)), 0)::int8 as bytes,
       coalesce(sum(pg_relation_size(c.reltoastrelid)) filter (where c.reltoastrelid <> 0), 0)::int8 as bytes_out_of_line
  from pg_class as c
 where c.relkind = 'r'
   and (c.oid = $1 or c.oid in (select relid from pg_partition_tree($1)));
