-- The id above which the highest so many events lie; no row where no more than so many lie above a given id.
-- Variables: schema, table, id (names). Parameters: $1 the given id, $2 how many.
select :"id"::pg_catalog.int8 as id
  from :"schema".:"table"
 where :"id" operator(pg_catalog.>) $1::pg_catalog.int8
 order by :"id" desc
offset $2::pg_catalog.int8
 limit 1;
