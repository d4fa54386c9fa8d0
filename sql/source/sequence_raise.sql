-- Lets a sequence go on after this id, unless it is beyond, also by a RESTART that was not drawn from yet.
-- It stays so even if the transaction is rolled back.
-- Variables: schema, sequence (names), oid, last (SQL of ours: of the sequence; the id).
select pg_catalog.setval(s.seqrelid::pg_catalog.regclass, :last, true)
  from pg_catalog.pg_sequence as s cross join :"schema".:"sequence" as counter
 where s.seqrelid operator(pg_catalog.=) :oid::pg_catalog.oid
   and s.seqmin operator(pg_catalog.<=) :last
   and (counter.last_value operator(pg_catalog.<) :last or not counter.is_called and counter.last_value operator(pg_catalog.=) :last);
