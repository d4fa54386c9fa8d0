-- One event, each copied column as the digest of its text, so that an event of any size is compared cheaply.
-- Variables: digests (expressions made by us), id (name of the id column), table (quoted). Parameters: $1 the id.
select :digests from :table t where t.:"id" = $1::pg_catalog.int8;
