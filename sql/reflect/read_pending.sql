-- Transactions of which changes are kept: how many, and the lowest id. Parameter: $1 its name.
select xact, pg_catalog.count(*) as rows, pg_catalog.min(id) as first_id
  from counterfoil.pending where name operator(pg_catalog.=) $1 group by xact;
