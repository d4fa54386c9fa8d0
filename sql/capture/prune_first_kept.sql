-- The first event up to an id that is too young to be pruned: it and those after it stay. Read in the order of ids, up to it.
-- Variable: log (quoted). Parameters: $1 id (int8), $2 age in seconds (float8).
select e.id from :log as e
 where e.id <= $1::int8 and e.ts > pg_catalog.now() - pg_catalog.make_interval(secs => $2::float8)
 order by e.id
 limit 1;
