-- Inserts one row of a small batch, its values in the binary form of their types, as the COPY of append.sql takes them.
-- Variables: schema, table (names), columns, values (SQL of ours: "$1, $2, …").
insert into :"schema".:"table" (:columns) overriding system value values (:values);
