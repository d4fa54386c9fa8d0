-- What decides whether events can be deleted: the privilege, enabled triggers that are asked before, our own guard aside, and foreign keys
-- of other tables by which rows there would be deleted or changed too; with those of partitions, through which rows are deleted as well.
-- Parameters: $1 oid of the table.
with tables as (
    select $1::pg_catalog.oid as oid
     union
    select part.relid::pg_catalog.oid from pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) as part
)
select pg_catalog.has_table_privilege($1::pg_catalog.oid, 'DELETE') as may_delete,
       array(select t.tgname::pg_catalog.text
                          from pg_catalog.pg_trigger as t
                         where t.tgrelid operator(pg_catalog.=) $1::pg_catalog.oid
                           and not t.tgisinternal
                           and t.tgenabled::pg_catalog.text in ('O', 'A')
                           and (t.tgtype operator(pg_catalog.&) 10::pg_catalog.int2) operator(pg_catalog.=) 10
                           and t.tgname operator(pg_catalog.<>) 'counterfoil_guard'
                         order by t.tgname) as triggers,
       exists (select from pg_catalog.pg_trigger as t
                where t.tgrelid operator(pg_catalog.=) $1::pg_catalog.oid
                  and t.tgname operator(pg_catalog.=) 'check_sql_command' and t.tgenabled::pg_catalog.text operator(pg_catalog.=) 'A') as is_always,
       array(select pg_catalog.quote_ident(f.conname) || ' of ' || f.conrelid::pg_catalog.regclass::pg_catalog.text
               from pg_catalog.pg_constraint as f
              where f.confrelid in (select tables.oid from tables)
                and f.contype::pg_catalog.text operator(pg_catalog.=) 'f' and f.confdeltype::pg_catalog.text in ('c', 'n', 'd')
              order by 1) as following;
