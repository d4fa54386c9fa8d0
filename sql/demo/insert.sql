-- Inserts events of the demo; their ids come from the table's sequence.
-- Variables: schema, table (names). Parameters: $1 the events as an array of JSON texts.
insert into :"schema".:"table" (event)
select fresh.event::pg_catalog.jsonb
  from pg_catalog.unnest($1::pg_catalog.text[]) fresh(event);
