-- How many events there are up to an id, and the first of them. Variable: log (quoted). Parameter: $1 id (int8).
select pg_catalog.count(*) as events, pg_catalog.min(e.id) as first_id, pg_catalog.max(e.id) as through from :log as e where e.id <= $1::int8;
