-- Which transactions have ended for certain, and the time of day at the server, for people.
-- No parameters.
select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) as xmin,
       pg_catalog.to_char(pg_catalog.now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as now;
