-- The highest id below a given one, and the lowest of all.
-- Variables: schema, table, id (names). Parameters: $1 the given id.
select (select pg_catalog.max(e.:"id") from :"schema".:"table" as e where e.:"id" operator(pg_catalog.<) $1::pg_catalog.int8)::pg_catalog.int8 as before,
       (select pg_catalog.min(e.:"id") from :"schema".:"table" as e)::pg_catalog.int8 as lowest;
