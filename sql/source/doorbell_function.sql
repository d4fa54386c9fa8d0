-- Wakes the replicator; says nothing about the events, so any size of event fits. Parameter: schema (name).
create function :"schema".counterfoil_doorbell() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $counterfoil$
begin
    perform pg_notify('counterfoil', '');
    return null;
end
$counterfoil$;
