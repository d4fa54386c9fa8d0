-- Begins the transaction of one page and locks the table against whatever replaces or rewrites it. A COPY takes its snapshot before it waits for a lock,
-- and a rewrite that keeps no old rows (SET UNLOGGED, another type) would leave it an empty table to see: so the lock comes first.
-- Variables: schema, table, id (names).
begin isolation level read committed read only;
select e.:"id" from :"schema".:"table" as e limit 0;
