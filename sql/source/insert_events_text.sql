-- Inserts events written as the text that follows VALUES, with $1[1], $1[2], … as ids and $2 as ts; returns their number.
-- How many ids to offer is bounded by how often $1 occurs, in events too: too many do no harm. What was inserted decides: exactly the next
-- ids without a gap, or nothing. The plan is generic because a custom one would copy the array of ids once for every event.
-- Parameters: schema, table (names), id_newest, event_ts (the queries of the files of these names), events (literal: the table, quoted).
create function :"schema".insert_events(insertvalues text) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $counterfoil$
#variable_conflict use_column
declare
    count_offered integer;
    count_inserted integer := 0;
    id_first bigint;
    id_inserted bigint;
    id_least bigint;
    id_greatest bigint;
    ts_shared timestamptz;
begin
    if coalesce(btrim(insertvalues), '') = '' then
        raise invalid_parameter_value using message = 'insert_events was given no text to follow VALUES';
    end if;
    select counter.id from :"schema".id as counter where counter.id > (:id_newest) for update into id_first;
    if id_first is null then
        raise object_not_in_prerequisite_state using message = 'the next id is missing, or not greater than that of the last event';
    end if;
    ts_shared := (:event_ts);
    count_offered := (length(insertvalues) - length(replace(insertvalues, '$1', ''))) / 2;
    for id_inserted in
        execute 'insert into ' || :'events' || ' (id, ts, event) values ' || insertvalues || E'\nreturning id'
        using array(select generate_series(id_first, id_first + count_offered - 1)), ts_shared
    loop
        count_inserted := count_inserted + 1;
        id_least := least(id_least, id_inserted);
        id_greatest := greatest(id_greatest, id_inserted);
    end loop;
    if id_least <> id_first or id_greatest <> id_first + count_inserted - 1 then
        raise invalid_parameter_value using
            message = 'the ids of the inserted events are not the next ones without a gap',
            hint = 'Number the events $1[1], $1[2], … and leave none out.';
    end if;
    update :"schema".id as counter set id = id_first + count_inserted;
    return count_inserted;
end
$counterfoil$;
