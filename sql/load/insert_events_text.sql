-- Inserts a group under consecutive ids through slate's function; gives its number of events.
-- Variable: schema (name). Parameter: $1 the text that follows VALUES, with $1[1], $1[2], … as ids and $2 as ts.
select :"schema".insert_events($1::pg_catalog.text) as inserted
