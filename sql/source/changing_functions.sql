-- Of functions by their last name those that may give another answer tomorrow: volatile ones, and stable ones.
-- Parameters: $1 the names (text[]).
select p.proname::pg_catalog.text as name, pg_catalog.bool_or(p.provolatile = 'v') as is_volatile
  from pg_catalog.pg_proc p
 where p.proname::pg_catalog.text = any ($1)
   and p.provolatile <> 'i'
 group by p.proname
 order by p.proname;
