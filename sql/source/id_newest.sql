-- Gives the id of the last event, 0 while there is none. The next id is always greater, so the counter's row is found by its index, past
-- the versions of it that no vacuum has removed yet: read one after the other, they would slow writers down more with every call.
-- Parameters: schema, table (names).
select coalesce(max(stored.id), 0) from :"schema".:"table" as stored
