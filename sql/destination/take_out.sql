-- Deletes events and hands them back in the same statement: what is judged is what is gone.
-- Variables: schema, table, id (names), ids (SQL of ours: an array), columns, format (SQL of ours).
copy (delete from :"schema".:"table" as e where e.:"id" operator(pg_catalog.=) any (:ids) returning :columns) to stdout (format :format);
