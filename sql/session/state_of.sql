-- What a server process does, and since when; both NULL when it is gone. Whose locks it waits for; NULL while it waits for none, or for nobody any more. And how long the
-- server has run. Parameter: $1 the process (int4).
select a.state::pg_catalog.text as state,
       a.state_change::pg_catalog.text as since,
       case when a.wait_event_type operator(pg_catalog.=) 'Lock'
            then nullif(pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(a.pid), ', '), '')
       end as blocked_by,
       extract(epoch from pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.pg_postmaster_start_time())::pg_catalog.float8 as uptime_s,
       a.pid is null as is_gone
  from (select $1::pg_catalog.int4 as wanted) as w
  left join pg_catalog.pg_stat_activity as a on a.pid operator(pg_catalog.=) w.wanted;
