-- Lets a sequence go on after this id, unless it is beyond. It stays so even if the transaction is rolled back.
-- Variables: oid, last (SQL of ours: of the sequence; the id).
select pg_catalog.setval(s.seqrelid::pg_catalog.regclass, :last, true)
  from pg_catalog.pg_sequence as s
 where s.seqrelid operator(pg_catalog.=) :oid::pg_catalog.oid
   and s.seqmin operator(pg_catalog.<=) :last
   and coalesce(pg_catalog.pg_sequence_last_value(s.seqrelid) operator(pg_catalog.<) :last, true);
