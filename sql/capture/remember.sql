-- Remembers what is captured and in which shape; events of it begin after what the log's sequence has given out.
-- Variables: schema (name), log, source, shape (literals), omitted (SQL of ours: an array), relation (SQL of ours: its oid).
insert into :"schema".captured (source, relation, shape, omitted, first_id)
values (:'source', :relation, :'shape', :omitted,
        coalesce(pg_catalog.pg_sequence_last_value(pg_catalog.pg_get_serial_sequence(:'log', 'id')::pg_catalog.regclass), 0) + 1)
on conflict (source) do update set relation = excluded.relation, shape = excluded.shape, omitted = excluded.omitted;
