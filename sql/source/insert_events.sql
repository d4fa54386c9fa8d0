-- Inserts events under consecutive ids and one ts; returns their number.
-- The counter's row stays locked to the end of the transaction, so ids are given in the order of commits and without gaps.
-- Many events are best passed as array(select event::jsonb from unnest($1::text[]) as event): a jsonb[] that comes from a client takes the
-- server about 9 kB of memory for each event of 400 bytes, before any function sees it.
-- The plans are generic because custom ones would copy the whole array.
-- Parameters: schema, table (names), id_newest, event_ts (the queries of the files of these names).
create function :"schema".insert_events(events jsonb[]) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $counterfoil$
#variable_conflict use_column
declare
    count_wanted constant integer := cardinality(events);
    count_inserted integer;
    id_first bigint;
    ts_shared timestamptz;
begin
    if events is null then
        raise null_value_not_allowed using message = 'insert_events was given NULL instead of an array of events';
    end if;
    if array_position(events, null) is not null then
        raise null_value_not_allowed using message = 'insert_events was given NULL as element ' || array_position(events, null);
    end if;
    if count_wanted = 0 then
        return 0;
    end if;
    update :"schema".id as counter set id = counter.id + count_wanted
    where counter.id > (:id_newest)
    returning counter.id - count_wanted into id_first;
    if id_first is null then
        raise object_not_in_prerequisite_state using message = 'the next id is missing, or not greater than that of the last event';
    end if;
    ts_shared := (:event_ts);
    insert into :"schema".:"table" (id, ts, event)
    select id_first + given.place - 1, ts_shared, given.event
    from unnest(insert_events.events) with ordinality as given (event, place);
    get diagnostics count_inserted = row_count;
    if count_inserted <> count_wanted then
        raise triggered_data_change_violation
            using message = count_inserted || ' of ' || count_wanted || ' events were inserted: a trigger or a rule of the table dropped the others';
    end if;
    return count_inserted;
end
$counterfoil$;
