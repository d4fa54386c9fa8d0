-- How large a table is, its leaf partitions included: estimated rows (0 when never analysed), bytes, and bytes of values stored out of line.
-- As the planner does, rows are estimated from how many there were on a page when it was analysed, and the pages there are now: the number
-- itself may be of a time when the table was small.
-- Parameters: $1 oid of the table.
select coalesce(sum(greatest(c.reltuples, 0)::float8 / greatest(c.relpages, 1) * (pg_relation_size(c.oid) / current_setting('block_size')::int8)), 0)
           as rows_estimated,
       coalesce(sum(pg_table_size(c.oid)), 0)::int8 as bytes,
       coalesce(sum(pg_relation_size(c.reltoastrelid)) filter (where c.reltoastrelid <> 0), 0)::int8 as bytes_out_of_line
  from pg_class as c
 where c.relkind = 'r'
   and (c.oid = $1 or c.oid in (select relid from pg_partition_tree($1)));
