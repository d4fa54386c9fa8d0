-- Begins a transaction of a mending: takes the fence; then, in a statement and so a snapshot of its own, asks for the position, which
-- also locks the table against ALTER; then asks whether its columns are still those that were compared with the source's.
-- From then on the search_path is the role's own, until the transaction ends: the table's triggers may rely on it.
-- Variables: fence, oid (SQL of ours: the lock's keys), schema, table, id (names), fingerprint (SQL of ours: event/fingerprint.sql).
begin;
select pg_catalog.pg_advisory_xact_lock(:fence, :oid);
select pg_catalog.max(:"id") from :"schema".:"table";
:fingerprint;
set local search_path to default;
