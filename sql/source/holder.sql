-- Who a holder of the mark is, as far as our role may see it: a backend by its pid, or a prepared transaction by its xid.
-- Parameters: $1 pid (int4, NULL for a prepared transaction), $2 xid (text, NULL for a backend).
select coalesce(usename, '')::text as role, coalesce(application_name, '') as application, coalesce(state, '') as state,
       extract(epoch from clock_timestamp() - xact_start)::float8 as seconds
  from pg_stat_activity where pid = $1::int4
union all
select owner::text, gid, 'prepared', extract(epoch from clock_timestamp() - prepared)::float8
  from pg_prepared_xacts where transaction::text = $2::text;
