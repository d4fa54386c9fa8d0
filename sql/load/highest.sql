-- The highest id that is visible. Variables: schema, table, id (names).
select pg_catalog.max(:"id")::pg_catalog.int8 as highest from :"schema".:"table"
