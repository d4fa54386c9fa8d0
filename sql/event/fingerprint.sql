-- What a table is, in one value: which table, its kind and persistence, its columns with their types, defaults and identities, its heirs and triggers; and, where
-- that is asked for, whether it was renamed, the sequences that feed it, its columns' own types. Another value after any ALTER that matters to a copy.
-- An expression; it is asked for each batch, so it joins nothing, and it depends on no search_path.
-- Variables (SQL of ours; c is the table in pg_class): renames, triggers, sequences, types.
pg_catalog.concat_ws(' ',
    pg_catalog.hashtextextended(pg_catalog.concat_ws(' ', c.oid, c.relkind, c.relpersistence, c.relrowsecurity, :renames,
        array(select (a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated, a.attidentity, a.attnotnull)
                from pg_catalog.pg_attribute as a
               where a.attrelid operator(pg_catalog.=) c.oid and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
               order by a.attnum),
        array(select i.inhrelid from pg_catalog.pg_inherits as i
               where c.relkind operator(pg_catalog.=) 'r' and c.relhassubclass and i.inhparent operator(pg_catalog.=) c.oid
               order by i.inhrelid),
        array(select d.oid from pg_catalog.pg_attrdef as d where d.adrelid operator(pg_catalog.=) c.oid order by d.adnum),
        :triggers,
        :sequences), 0),
    :types)
