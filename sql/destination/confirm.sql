-- Before the commit of a batch that was begun ahead of its turn: takes the fence; then, in a statement and so a snapshot of its own, asks
-- on which position its rows stand, and whether nobody stands behind them. The batch before it was committed already.
-- Variables: fence, oid (SQL of ours: the lock's keys), schema, table, id (names), first_id (SQL of ours: the id of its first row).
select pg_catalog.pg_advisory_xact_lock(:fence, :oid);
select (select pg_catalog.max(:"id") from :"schema".:"table" where :"id" operator(pg_catalog.<) :first_id),
       (select pg_catalog.max(:"id") from :"schema".:"table");
