-- Takes the rows of a batch. Variables: schema, table (names), columns (SQL of ours: quoted names).
copy :"schema".:"table" (:columns) from stdin (format binary)
