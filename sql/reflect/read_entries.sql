-- How its tables are loaded. Parameter: $1 its name.
select entry, target, mapping, is_loading, loaded_through, loaded_rows, has_forgotten
  from counterfoil.reflected where name operator(pg_catalog.=) $1;
