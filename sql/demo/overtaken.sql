-- How many events were committed after one with a higher id, by the times of the commits (the server has track_commit_timestamp on).
-- Variables: schema, table (names).
select pg_catalog.count(*) as overtaken
  from (select e.id,
               pg_catalog.max(e.id) over (order by pg_catalog.pg_xact_commit_timestamp(e.xmin)
                                          groups between unbounded preceding and 1 preceding) as highest_before
          from :"schema".:"table" e) committed
 where committed.id < committed.highest_before;
