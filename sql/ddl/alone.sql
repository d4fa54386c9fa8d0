-- Lets one session at a time create objects in a database, to the end of its transaction: no table has the oid 0.
-- Parameter: lock_replicator (integer).
select pg_catalog.pg_advisory_xact_lock(:lock_replicator, 0)
