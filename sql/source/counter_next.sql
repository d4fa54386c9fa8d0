-- What the counter of consecutive ids gives out next, and whether it is one row.
-- Variables: schema (name).
select pg_catalog.count(*) operator(pg_catalog.=) 1 as is_one, pg_catalog.max(counter.id)::pg_catalog.int8 as next from :"schema".id as counter;
