-- Enables a trigger again, as it was.
-- Variables: schema, table, trigger (names), how (SQL of ours: nothing, always or replica).
alter table :"schema".:"table" enable :how trigger :"trigger";
