-- The types of the columns that are appended to. Returns no row.
-- Variables: schema, table (names), columns (SQL of ours).
select :columns from :"schema".:"table" limit 0;
