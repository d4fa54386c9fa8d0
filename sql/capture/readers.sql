-- Who still reads a log, the one that needs most first. Variable: schema (name).
select r.name, r.place, r.position, r.keeps = 'all' as keeps_all, pg_catalog.date_part('epoch', pg_catalog.now() - r.seen_at)::bigint as seconds
  from :"schema".readers as r
 order by r.keeps, r.position, r.name, r.place;
