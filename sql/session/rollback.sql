-- Ends a transaction that somebody left open. No parameters.
rollback;
