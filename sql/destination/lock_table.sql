-- Locks the table against ALTER until the transaction ends, for a batch that begins while those before it are still open. Reads nothing.
-- Variables: schema, table (names).
select from :"schema".:"table" limit 0;
