-- How many committed events wait above a position, counted up to a limit.
-- Variables: schema, table, id (names). Parameters: $1 the position (int8), $2 the limit (int8).
select count(*) from (select from :"schema".:"table" where :"id" > $1::int8 limit $2::int8) as waiting;
