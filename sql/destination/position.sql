-- The position: the highest id that the destination holds, NULL while it is empty.
-- Variables: schema, table, id (names).
select pg_catalog.max(:"id")::pg_catalog.int8 from :"schema".:"table";
