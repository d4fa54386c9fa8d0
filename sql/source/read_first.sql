-- The first rows after a position, as an ordinary query: prepared once, its rows are at hand after one question. Their fields are those of
-- the binary COPY of read.sql, in the same order.
-- Variables: columns (SQL of ours), table (SQL of ours), id (a name), above (> or >=), rows_max. Parameter: $1 the position (int8).
select :columns from :table as e where e.:"id" :above $1::int8 order by e.:"id" limit :rows_max;
