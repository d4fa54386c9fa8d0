-- The lowest id above a given one.
-- Variables: schema, table, id (names). Parameters: $1 the given id.
select pg_catalog.min(:"id")::pg_catalog.int8 as lowest from :"schema".:"table" where :"id" operator(pg_catalog.>) $1::pg_catalog.int8;
