-- Deletes the events of a range of ids.
-- Variables: schema, table, id (names). Parameters: $1 after (excluded), $2 through (included).
delete from :"schema".:"table"
 where :"id" operator(pg_catalog.>) $1::pg_catalog.int8 and :"id" operator(pg_catalog.<=) $2::pg_catalog.int8;
