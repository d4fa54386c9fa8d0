-- What the session of a server process does; no row when it is gone. Parameters: $1 the process (int4), $2 what the session calls itself (text).
select a.state::pg_catalog.text
  from pg_catalog.pg_stat_activity as a
 where a.pid operator(pg_catalog.=) $1 and a.application_name operator(pg_catalog.=) $2;
