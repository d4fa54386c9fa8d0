-- What a sequence gives out next; null where our role may not know.
-- Parameters: $1 its oid.
select case when pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
            then coalesce(pg_catalog.pg_sequence_last_value(s.seqrelid) operator(pg_catalog.+) s.seqincrement, s.seqstart)
       end as next
  from pg_catalog.pg_sequence as s
 where s.seqrelid operator(pg_catalog.=) $1::pg_catalog.oid;
