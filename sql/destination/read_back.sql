-- Reads events as the open transaction sees them: what was put in is judged before it is committed.
-- Variables: schema, table, id (names), ids (SQL of ours: an array), columns, format (SQL of ours).
copy (select :columns from :"schema".:"table" as e where e.:"id" operator(pg_catalog.=) any (:ids)) to stdout (format :format);
