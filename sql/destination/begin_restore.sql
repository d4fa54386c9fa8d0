-- Begins the transaction of a batch of a restore: raises the next id first, as writers do, so that neither waits for the other in a circle;
-- then keeps writers out of the table until the end; then, in a statement and so a snapshot of its own, asks for the position; then whether
-- the table's columns are still those that were compared. Gives up rather than let writers queue behind us.
-- Variables: raise (SQL of ours: restore/counter_raise.sql or sequence_raise.sql), schema, table, id (names),
-- fingerprint (SQL of ours: event/fingerprint.sql).
begin;
set local lock_timeout = '10s';
:raise
lock table :"schema".:"table" in share row exclusive mode;
select pg_catalog.max(:"id") from :"schema".:"table";
:fingerprint
