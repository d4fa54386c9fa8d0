-- Begins a batch under consecutive ids: locks the counter to the end of the transaction and gives the first id, then the ts of all events, in
-- microseconds since 2000. Two statements: the clock is read once the lock is granted. The path is pg_catalog alone meanwhile, so that nothing
-- that the role's own path finds first is called; then it is that of the applications again.
-- Variables: schema (name), id_newest, event_ts (SQL of ours: the queries of the files of these names in sql/source), search_path (SQL of ours:
-- load/search_path.sql).
begin;
set local search_path = pg_catalog;
select counter.id from :"schema".id as counter where counter.id > (:id_newest) for update;
select (extract(epoch from (:event_ts)) * 1000000)::pg_catalog.int8 - 946684800000000 as ts;
:search_path
