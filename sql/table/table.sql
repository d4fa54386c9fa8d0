-- A table as the catalog describes it; no row when there is none of this name.
-- The fingerprint is older than whatever is asked later of its columns, so that a change in between is noticed by the first who compares it.
-- Parameters: $1 schema, $2 name, $3 the id column. Variables: with_parts, without_parts
-- (SQL of ours: event/fingerprint.sql).
select c.oid,
       case when c.relhassubclass then :with_parts else :without_parts end as fingerprint,
       c.relhassubclass as has_parts,
       c.relkind::pg_catalog.text as kind,
       exists (select from (select c.oid union select part.relid from pg_catalog.pg_partition_tree(c.oid) part) p
                 join pg_catalog.pg_class u on u.oid = p.oid
                where u.relpersistence = 'u') as is_unlogged,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') as may_use_schema,
       pg_catalog.row_security_active(c.oid) as has_row_security,
       exists (select from pg_catalog.pg_constraint f where f.conrelid = c.oid and f.contype = 'f') as has_foreign_keys,
       exists (select from pg_catalog.pg_subscription_rel s
                where s.srrelid = c.oid or s.srrelid in (select part.relid from pg_catalog.pg_partition_tree(c.oid) part)) as is_subscribed,
       c.relkind <> 'p' and exists (select from pg_catalog.pg_inherits h where h.inhparent = c.oid) as has_heirs,
       -- 2 is BEFORE, 8 DELETE, 16 UPDATE.
       (select coalesce(pg_catalog.bit_or(g.tgtype), 0) & 24 = 24
          from pg_catalog.pg_trigger g
         where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled in ('O', 'A') and (g.tgtype & 2) <> 0) as is_guarded,
       case when c.relkind = 'p'
            then (select coalesce(pg_catalog.sum(greatest(leaf.reltuples, 0)), 0)
                    from pg_catalog.pg_partition_tree(c.oid) part
                    join pg_catalog.pg_class leaf on leaf.oid = part.relid
                   where part.isleaf)
            else c.reltuples
        end::pg_catalog.float8 as rows_estimated,
       keys.has_id_key,
       keys.has_wide_key,
       keys.integer_keys,
       -- The columns by which it and its partitions are partitioned; those of expressions are left out.
       (select coalesce(pg_catalog.array_agg(by.name order by by.level, by.place), '{}')
          from (select a.attname::pg_catalog.text as name, pg_catalog.min(part.level) as level, pg_catalog.min(u.place) as place
                  from pg_catalog.pg_partition_tree(c.oid) part
                  join pg_catalog.pg_partitioned_table pt on pt.partrelid = part.relid
                 cross join lateral pg_catalog.unnest(pt.partattrs::pg_catalog.int2[]) with ordinality as u (attnum, place)
                  join pg_catalog.pg_attribute a on a.attrelid = part.relid and a.attnum = u.attnum
                 group by a.attname) by) as partitioned_by
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 -- The key that makes "not stored twice" and "the highest id" certain and quick; one that begins with the id, of a table that is partitioned by
 -- something else; and the integer columns that have one to themselves, or begin one of a partitioned table.
 cross join lateral (
       select coalesce(pg_catalog.bool_or(key.name = $3 and key.is_alone), false) as has_id_key,
              coalesce(pg_catalog.bool_or(key.name = $3 and not key.is_alone), false) as has_wide_key,
              coalesce(pg_catalog.array_agg(key.name order by key.attnum) filter (where key.is_integer and (key.is_alone or c.relkind = 'p')), '{}') as integer_keys
         from (select distinct a.attnum, a.attname::pg_catalog.text as name, i.indnkeyatts = 1 as is_alone,
                      a.atttypid in ('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype) as is_integer
                 from pg_catalog.pg_index i
                 join pg_catalog.pg_class x on x.oid = i.indexrelid
                 join pg_catalog.pg_am m on m.oid = x.relam
                 join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                where i.indrelid = c.oid
                  and m.amname = 'btree'
                  and i.indisunique and i.indisvalid and i.indisready and i.indimmediate
                  and i.indpred is null) as key
       ) as keys
 where n.nspname = $1
   and c.relname = $2
   and c.relkind not in ('i', 'I', 'S', 'c', 't');
