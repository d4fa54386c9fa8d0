-- Lets only Counterfoil's own sessions through: by their name, while Counterfoil holds this destination (the lock of the replicator or of a
-- batch). Made against accidents, not against intent: whoever may write here may also take the name and the lock.
-- Parameters: schema (name), lock_replicator, lock_fence (integers).
create function :"schema".counterfoil_guard() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $counterfoil$
begin
    if current_setting('application_name') like 'counterfoil/%' and exists (
        select from pg_locks as held
        where held.locktype = 'advisory' and held.granted and held.objsubid = 2
            and held.database = (select oid from pg_database where datname = current_database())
            and held.classid in (:lock_replicator, :lock_fence) and held.objid = TG_RELID
    ) then
        return null;
    end if;
    raise insufficient_privilege using
        message = TG_OP || ' is not allowed on ' || quote_ident(TG_TABLE_SCHEMA) || '.' || quote_ident(TG_TABLE_NAME)
            || ': it is a copy that only Counterfoil changes',
        hint = 'Insert at the source. To bring the copy back to what the source has, run counterfoil repair.';
end
$counterfoil$;
