-- Gives the ts of events that are about to be inserted, once the counter is locked: the greater of the clock and the last event's ts.
-- The clock is read once per transaction and kept in a setting local to it. A rollback to a savepoint undoes the setting together with
-- the lock under which it was read; where it stands, this transaction has held the counter ever since.
-- Parameters: schema, table (names).
select greatest(clock.reading::timestamptz, newest.ts)
from (
    select coalesce(
        nullif(current_setting('counterfoil.clock', true), ''),
        set_config('counterfoil.clock', to_jsonb(clock_timestamp()) #>> '{}', true)
    ) as reading
) as clock
left join (
    select stored.ts from :"schema".:"table" as stored order by stored.id desc limit 1
) as newest on true
