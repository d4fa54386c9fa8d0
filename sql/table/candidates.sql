-- Tables that may hold events: those with an integer key of one column, and those that would have one but for an index; with what a look at the
-- catalog tells of them. Partitions are left out, their table stands for them. The counters begin anew with the server's statistics.
-- Parameters: $1 so many at most.
select n.nspname::text as schema,
       c.relname::text as name,
       column_of.name as id_column,
       column_of.type_name as id_type,
       column_of.has_key,
       has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE') as may_select,
       c.relkind = 'p' as is_partitioned,
       changes.rows_estimated,
       coalesce(changes.inserted, 0)::int8 as inserted,
       coalesce(changes.updated, 0)::int8 as updated,
       coalesce(changes.deleted, 0)::int8 as deleted,
       fed.sequence,
       fed.cache,
       exists (select from pg_trigger g
                where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled in ('O', 'A')
                  and (g.tgtype & 2) <> 0 and (g.tgtype & 24) = 24) as is_guarded
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 -- The integer column that has a unique index to itself, or begins one of a partitioned table; otherwise one that is called as a key is.
 cross join lateral (
       select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type_name, keyed.has_key
         from pg_attribute a
        cross join lateral (
              select exists (select from pg_index i
                              where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indisready and i.indimmediate
                                and i.indpred is null and i.indkey[0] = a.attnum
                                and (i.indnkeyatts = 1 or c.relkind = 'p')) as has_key) keyed
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
          and (keyed.has_key or a.attidentity <> '' or a.attname in ('id', 'seq', 'position'))
        order by keyed.has_key desc, a.attname <> 'id', a.attnum
        limit 1
       ) column_of
  left join lateral (
       select q.seqrelid::regclass::text as sequence, q.seqcache as cache
         from pg_sequence q
        where q.seqrelid = pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), column_of.name)::regclass
       ) fed on true
  left join lateral (
       -- A table that was never analyzed is known by its counters alone; without them nothing is known.
       select sum(case when leaf.relkind = 'p' then null
                       when leaf.reltuples > 0 then leaf.reltuples
                       else nullif(pg_stat_get_live_tuples(leaf.oid), 0)
                  end)::float8 as rows_estimated,
              sum(pg_stat_get_tuples_inserted(part.relid)) as inserted,
              sum(pg_stat_get_tuples_updated(part.relid)) as updated,
              sum(pg_stat_get_tuples_deleted(part.relid)) as deleted
         from (select c.oid as relid union select leaf.relid from pg_partition_tree(c.oid) leaf) part
         join pg_class leaf on leaf.oid = part.relid
       ) changes on true
 where c.relkind in ('r', 'p')
   and not c.relispartition
   and n.nspname <> 'information_schema'
   and n.nspname !~ '^pg_'
 order by rows_estimated desc nulls last, schema, name
 limit $1::int8;
