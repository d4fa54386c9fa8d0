-- How large a log is and where it begins and ends. Variables: log (SQL of ours), name (literal: the log, quoted).
select pg_catalog.pg_total_relation_size(:'name'::pg_catalog.regclass) as bytes,
       (select min(e.id) from :log as e) as first_id,
       (select e.ts::text from :log as e order by e.id limit 1) as first_ts,
       (select max(e.id) from :log as e) as last_id;
