-- What the id column's default is, which relations writers lock, and what else tells how ids are given out.
-- Parameters: $1 oid of the table, $2 the id column.
select (select pg_get_expr(v.adbin, v.adrelid)
          from pg_attrdef v
          join pg_attribute a on a.attrelid = v.adrelid and a.attnum = v.adnum
         where v.adrelid = $1 and a.attname = $2) as default_expression,
       array(select $1::oid
             union
             select part.relid::oid from pg_partition_tree($1::oid::regclass) part where part.isleaf) as lock_relations,
       exists (select from pg_proc p join pg_class c on c.relnamespace = p.pronamespace
                where c.oid = $1 and p.proname = 'insert_events') as has_insert_events;
