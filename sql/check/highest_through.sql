-- The highest id that is not above a given one.
-- Variables: id (name of the id column), table (quoted). Parameters: $1 the id.
select pg_catalog.max(t.:"id")::pg_catalog.int8 as highest from :table t where t.:"id" <= $1::pg_catalog.int8;
