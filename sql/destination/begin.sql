-- Begins the transaction of a batch: takes the fence, then, in a statement and so a snapshot of its own, asks for the position.
-- Variables: fence (SQL of ours: the key), schema, table, id (names), oid (SQL of ours).
begin;
select pg_catalog.pg_advisory_xact_lock(:fence, :oid);
select pg_catalog.max(:"id") from :"schema".:"table";
