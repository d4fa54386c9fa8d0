-- Inserts a group; its ids come from the table's sequence, in the order of the events.
-- Variables: schema, table (names), columns, stamp (SQL of ours: "ts, " and "now(), ", or nothing).
-- Parameter: $1 the events as an array of JSON texts.
insert into :"schema".:"table" (:columns event)
select :stamp fresh.event::pg_catalog.jsonb
from pg_catalog.unnest($1::pg_catalog.text[]) as fresh (event)
