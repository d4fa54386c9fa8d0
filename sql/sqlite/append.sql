-- Appends a row; no clause of the table may replace or skip one. Variables: table, columns, values (made by us).
insert or abort into :"table" (:columns) values (:values)
