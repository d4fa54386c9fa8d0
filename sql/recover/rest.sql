-- How many events lie above an id, and the first of them; of all where the id is null.
-- Variables: schema, table, id (names). Parameters: $1 the id.
select pg_catalog.count(*) as events, pg_catalog.min(:"id")::pg_catalog.int8 as first
  from :"schema".:"table"
 where $1::pg_catalog.int8 is null or :"id" operator(pg_catalog.>) $1::pg_catalog.int8;
