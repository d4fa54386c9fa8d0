-- Gives a session back to its start: no locks, no settings of whoever used it before. Tells whether a transaction was left open:
-- outside of one, this statement is the first of its own. The pins follow in the same message. No parameters.
select pg_catalog.transaction_timestamp() operator(pg_catalog.=) pg_catalog.statement_timestamp() as is_outside_transaction, pg_catalog.pg_advisory_unlock_all();
reset all;
