-- Where a destination with reflections stands. Parameter: $1 its name.
select position, events, first_id, first_digest, last_digest, source from counterfoil.reflection where name operator(pg_catalog.=) $1;
