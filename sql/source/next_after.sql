-- The lowest visible id from one on. One index probe. (Statement 3 of the mark is the COPY of the rows.)
-- Variables: schema, table, id (names). Parameters: $1 that id (int8); the smallest int8 stands for every id.
select :"id"::int8 from :"schema".:"table" where :"id" >= $1::int8 order by :"id" limit 1;
