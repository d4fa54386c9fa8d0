-- Enables a trigger of this table alone again, as it was.
-- Variables: schema, table, trigger (names), how (SQL of ours: nothing, always or replica).
alter table only :"schema".:"table" enable :how trigger :"trigger";
