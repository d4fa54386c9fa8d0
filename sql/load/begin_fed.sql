-- Begins a batch whose ids come from the table's sequence; gives its ts in microseconds since 2000. No parameters.
begin;
select (extract(epoch from pg_catalog.now()) operator(pg_catalog.*) 1000000)::pg_catalog.int8 operator(pg_catalog.-) 946684800000000 as ts
