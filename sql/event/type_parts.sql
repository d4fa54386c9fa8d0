-- The types outside pg_catalog that the columns of a table are made of, at any depth, part by part: owner is the type (0: the table itself). Begins a
-- recursive query. Nothing in it depends on the search_path. In 13 a multirange is unknown: the name that stands for its column in pg_range is then that of the values before.
-- Variables: oid (SQL of ours).
parts (owner, n, label, type, typmod) as (
    select 0::pg_catalog.oid, a.attnum::pg_catalog.float8, null::pg_catalog.text collate "C", a.atttypid, a.atttypmod
      from pg_catalog.pg_attribute a
     where a.attrelid operator(pg_catalog.=) (:oid)::pg_catalog.oid and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
    union
    select t.oid, p.n, p.label, p.type, p.typmod
      from parts
      join pg_catalog.pg_type w on w.oid operator(pg_catalog.=) parts.type
       and w.typnamespace operator(pg_catalog.<>) 'pg_catalog'::pg_catalog.regnamespace
      left join pg_catalog.pg_type e on e.oid operator(pg_catalog.=) w.typelem and e.typarray operator(pg_catalog.=) w.oid
      join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) coalesce(e.oid, w.oid)
     cross join (values (0::pg_catalog.oid)) as in_13 (rngmultitypid)
      left join lateral (
           select 0::pg_catalog.float8 as n, null::pg_catalog.text collate "C" as label, t.typbasetype as type, t.typtypmod as typmod
            where t.typtype operator(pg_catalog.=) 'd'
           union all
           select a.attnum, a.attname::pg_catalog.text collate "C", a.atttypid, a.atttypmod
             from pg_catalog.pg_attribute a
            where t.typtype operator(pg_catalog.=) 'c' and a.attrelid operator(pg_catalog.=) t.typrelid
              and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
           union all
           select v.enumsortorder, v.enumlabel::pg_catalog.text, null, null
             from pg_catalog.pg_enum v
            where t.typtype operator(pg_catalog.=) 'e' and v.enumtypid operator(pg_catalog.=) t.oid
           union all
           select 0, (select pg_catalog.concat('canonical function ', s.nspname, '.', f.proname)
                        from pg_catalog.pg_proc f join pg_catalog.pg_namespace s on s.oid operator(pg_catalog.=) f.pronamespace
                       where f.oid operator(pg_catalog.=) r.rngcanonical::pg_catalog.oid), r.rngsubtype, -1
             from pg_catalog.pg_range r
            where t.typtype operator(pg_catalog.=) 'r' and r.rngtypid operator(pg_catalog.=) t.oid
           union all
           select 1, pg_catalog.concat('operator class ', s.nspname, '.', k.opcname), null, null
             from pg_catalog.pg_range r
             join pg_catalog.pg_opclass k on k.oid operator(pg_catalog.=) r.rngsubopc and not k.opcdefault
             join pg_catalog.pg_namespace s on s.oid operator(pg_catalog.=) k.opcnamespace
            where t.typtype operator(pg_catalog.=) 'r' and r.rngtypid operator(pg_catalog.=) t.oid
           union all
           select 2, pg_catalog.concat('collation ', s.nspname, '.', k.collname), null, null
             from pg_catalog.pg_range r
             join pg_catalog.pg_collation k on k.oid operator(pg_catalog.=) r.rngcollation
             join pg_catalog.pg_namespace s on s.oid operator(pg_catalog.=) k.collnamespace
            where t.typtype operator(pg_catalog.=) 'r' and r.rngtypid operator(pg_catalog.=) t.oid
           union all
           select 0, null, r.rngtypid, -1
             from pg_catalog.pg_range r
            where t.typtype operator(pg_catalog.=) 'm' and rngmultitypid operator(pg_catalog.=) t.oid
      ) as p on true
)
