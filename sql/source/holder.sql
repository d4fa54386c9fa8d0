-- Who a holder of the mark is, as far as our role may see it: a backend by its pid, or a prepared transaction by the lock on its own id.
-- Parameters: $1 pid (int4, NULL for a prepared transaction), $2 virtualtransaction of pg_locks (text).
select coalesce(usename, '')::text as role, coalesce(application_name, '') as application, coalesce(state, '') as state,
       extract(epoch from clock_timestamp() - xact_start)::float8 as seconds
  from pg_stat_activity where pid = $1::int4
union all
select p.owner::text, p.gid, 'prepared', extract(epoch from clock_timestamp() - p.prepared)::float8
  from pg_prepared_xacts p
  join pg_locks l on l.transactionid = p.transaction and l.locktype = 'transactionid' and l.granted
 where $1::int4 is null and l.pid is null and l.virtualtransaction = $2::text;
