-- How many rows of a range there are, and whether one of them was written by a transaction that had not ended for certain at a snapshot.
-- Variables: table (quoted), range, xmin (SQL of ours: an xid).
select pg_catalog.count(*), coalesce(pg_catalog.bool_or(pg_catalog.age(e.xmin) <= pg_catalog.age(:xmin)), false)
  from :table as e where :range;
