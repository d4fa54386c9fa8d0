-- Whether any of some types is another than it was. Those that a table's columns are made of become others only by a change that this or the
-- columns show.
-- Variables (SQL of ours: oids with commas between): types; relations (pg_type.typrelid of the composite ones, 0 of the others).
pg_catalog.hashtextextended(pg_catalog.concat_ws(' ',
    array(select (t.oid, t.xmin) from pg_catalog.pg_type as t
           where t.oid operator(pg_catalog.=) any (array[:types]::pg_catalog.oid[])
           order by t.oid),
    array(select (a.attrelid, a.attnum, a.xmin) from pg_catalog.pg_attribute as a
           where a.attrelid operator(pg_catalog.=) any (array[:relations]::pg_catalog.oid[])
             and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
           order by a.attrelid, a.attnum),
    array(select (v.oid, v.xmin) from pg_catalog.pg_enum as v
           where v.enumtypid operator(pg_catalog.=) any (array[:types]::pg_catalog.oid[])
           order by v.oid)), 0)
