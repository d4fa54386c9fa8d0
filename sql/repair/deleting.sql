-- What decides whether events can be deleted: the privilege, and enabled triggers that are asked before, our own guard aside.
-- Parameters: $1 oid of the table.
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
                  and t.tgname operator(pg_catalog.=) 'check_sql_command' and t.tgenabled::pg_catalog.text operator(pg_catalog.=) 'A') as is_always;
