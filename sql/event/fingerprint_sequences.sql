-- The parameters of sequences, the name of each, and its file, which a restart replaces.
-- Variables: sequences (SQL of ours: oids with commas between).
array(select (s.seqrelid, q.relname, q.relnamespace, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle, pg_catalog.pg_relation_filenode(s.seqrelid))
        from pg_catalog.pg_sequence as s
        join pg_catalog.pg_class as q on q.oid operator(pg_catalog.=) s.seqrelid
       where s.seqrelid operator(pg_catalog.=) any (array[:sequences]::pg_catalog.oid[])
       order by s.seqrelid)
