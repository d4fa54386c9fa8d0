-- Disables a trigger of this table alone; in a transaction that enables it again.
-- Variables: schema, table, trigger (names).
alter table only :"schema".:"table" disable trigger :"trigger";
