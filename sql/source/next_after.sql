-- The next visible id after a position. One index probe. (Statement 3 of the mark is the COPY of the rows.)
-- Variables: schema, table, id (names). Parameters: $1 the position (int8); the smallest int8 stands for "before every id" as well.
select :"id"::int8 from :"schema".:"table" where :"id" >= $1::int8 order by :"id" limit 1;
