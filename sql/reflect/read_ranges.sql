-- The ranges whose rows may show changes that are still to come. Parameter: $1 its name.
select entry, number, after, through, snapshot, until
  from counterfoil.loaded_range where name operator(pg_catalog.=) $1 order by entry, number;
