-- Tells slate's listeners of an event: its table and id. The event itself is left out, because 8,000 bytes are the most a notification holds.
-- Parameter: schema (name).
create function :"schema".notify_event_insert() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $counterfoil$
begin
    perform pg_notify('eventsinsert', json_build_object('table', TG_TABLE_NAME, 'id', new.id)::text);
    return null;
end
$counterfoil$;
