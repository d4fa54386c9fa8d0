-- Inserts a group of one event; its id comes from the table's sequence.
-- Variables: schema, table (names), columns, stamp (SQL of ours: "ts, " and "now(), ", or nothing). Parameter: $1 the event.
insert into :"schema".:"table" (:columns event)
values (:stamp $1::pg_catalog.jsonb)
