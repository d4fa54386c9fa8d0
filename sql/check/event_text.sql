-- One event, each copied column as text; null where it is longer than a megabyte.
-- Variables: texts (expressions made by us), id (name of the id column), table (quoted). Parameters: $1 the id.
select :texts from :table t where t.:"id" = $1::pg_catalog.int8;
