-- The parameters of sequences, and the file of each, which a restart replaces.
-- Variables: sequences (SQL of ours: oids with commas between).
array(select (s.seqrelid, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle, pg_catalog.pg_relation_filenode(s.seqrelid))
        from pg_catalog.pg_sequence as s
       where s.seqrelid operator(pg_catalog.=) any (array[:sequences]::pg_catalog.oid[])
       order by s.seqrelid)
