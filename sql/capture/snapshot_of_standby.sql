-- What the snapshot of a transaction at a standby shows of the log, written as pg_current_snapshot() does: at a standby that one names no
-- transaction that is open. Those count as open of which the log shows nothing; NULL where that would be too many.
-- Variable: log (SQL of ours). No parameters.
select s.least::pg_catalog.text || ':' || s.next::pg_catalog.text || ':' || coalesce((
         select pg_catalog.string_agg(x::pg_catalog.text, ',')
           from pg_catalog.generate_series(s.least, s.next - 1) as x
          where not exists (select from :log as e where e.xact operator(pg_catalog.=) x)
       ), '')
  from (
    select pg_catalog.pg_snapshot_xmin(c)::pg_catalog.text::pg_catalog.int8 as least,
           pg_catalog.pg_snapshot_xmax(c)::pg_catalog.text::pg_catalog.int8 as next
      from pg_catalog.pg_current_snapshot() as c
  ) as s
 where s.next - s.least <= 1000000
union all select null
 limit 1;
