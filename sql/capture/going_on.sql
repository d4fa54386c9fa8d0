-- Those of these transactions that have a change at a higher id.
-- Variable: log (SQL of ours). Parameters: $1 transactions (bigint[]), $2 id.
select t.xact from pg_catalog.unnest($1::pg_catalog.int8[]) as t (xact)
 where exists (select from :log as e where e.xact operator(pg_catalog.=) t.xact and e.id operator(pg_catalog.>) $2::pg_catalog.int8);
