-- Takes the rows of a batch.
-- Variables: schema, table (names), columns, format (SQL of ours).
copy :"schema".:"table" (:columns) from stdin (format :format);
