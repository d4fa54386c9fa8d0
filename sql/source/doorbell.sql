-- Rings only while the replicator sleeps, that is while it holds the lock of the doorbell exclusively: nobody waits, and without a sleeper
-- nobody notifies. In WHEN the check costs less than in the function. The lock's second key is the oid of the table, which follows it
-- through a rename and through dump and restore.
-- Parameters: schema, table (names), events (literal: the table, quoted), lock_doorbell (integer).
create trigger counterfoil_doorbell
after insert on :"schema".:"table"
for each statement
when (not pg_catalog.pg_try_advisory_xact_lock_shared(:lock_doorbell, :'events'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int4))
execute function :"schema".counterfoil_doorbell();
alter table :"schema".:"table" enable always trigger counterfoil_doorbell;
