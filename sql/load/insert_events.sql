-- Inserts a group under consecutive ids through Counterfoil's function; gives its number of events.
-- Variable: schema (name). Parameter: $1 the events as an array of JSON texts (as jsonb[] they would take the server much more memory).
select :"schema".insert_events(array(
    select fresh.event::pg_catalog.jsonb
    from pg_catalog.unnest($1::pg_catalog.text[]) as fresh (event)
)) as inserted
