-- Certifies the next events that are to be pruned: how many, and a SHA-256 over the SHA-256 of each row as it is sent in binary form, in the
-- order of ids. No row where none may go: what a reader needs was asked for again. Variables: schema (name), log (quoted).
-- Parameters: $1 id up to which events may go, $2 how many at most (int8).
insert into :"schema".pruned (first_id, through, events, digest)
select pg_catalog.min(b.id), pg_catalog.max(b.id), pg_catalog.count(*),
       pg_catalog.sha256(pg_catalog.string_agg(pg_catalog.sha256(pg_catalog.record_send(row(b.id, b.ts, b.xact, b.source, b.op, b.before, b.after))), ''::pg_catalog.bytea order by b.id))
  from (select e.* from :log as e
         where e.id <= least($1::int8, (select pg_catalog.min(case when r.keeps = 'all' then 0 else r.position end) - 1 from :"schema".readers as r))
         order by e.id
         limit $2::int8) as b
having pg_catalog.count(*) > 0
returning first_id, through, events;
