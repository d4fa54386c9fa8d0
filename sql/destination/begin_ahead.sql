-- Begins the transaction of a batch while those before it are still open: without the fence and the position, which it takes and compares
-- before its commit. Locks the table against ALTER, then asks whether its columns are still those that were compared with the source's.
-- From then on the search_path is the role's own, until the transaction ends.
-- Variables: schema, table (names), fingerprint (SQL of ours: event/fingerprint.sql).
begin;
select from :"schema".:"table" limit 0;
:fingerprint;
set local search_path to default;
