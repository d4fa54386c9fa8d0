-- Disables a trigger; in a transaction that enables it again.
-- Variables: schema, table, trigger (names).
alter table :"schema".:"table" disable trigger :"trigger";
