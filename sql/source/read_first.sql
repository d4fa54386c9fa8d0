-- The first rows after a position, as an ordinary query: prepared once, its rows are at hand after one question. Their fields are those of
-- the binary COPY of read.sql, in the same order.
-- Variables: columns (SQL of ours), schema, table, id (names), rows_max. Parameter: $1 the position (int8).
select :columns from :"schema".:"table" as e where e.:"id" > $1::int8 order by e.:"id" limit :rows_max;
