-- Whether a table is a log of captured changes: its columns, and the list of what is captured beside it.
-- Parameters: $1 schema, $2 name (text).
select exists (
         select from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = $1::text and c.relname = 'captured' and c.relkind = 'r'
       )
   and (
         select array_agg(a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod) order by a.attnum)
           from pg_attribute a
           join pg_class c on c.oid = a.attrelid
           join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = $1::text and c.relname = $2::text and a.attnum > 0 and not a.attisdropped
       ) @> array['id bigint', 'xact bigint', 'source text', 'op "char"', 'before json', 'after json'] as is_log;
