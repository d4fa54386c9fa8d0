-- Takes note of what a reader needs no more. Variable: schema (name).
-- Parameters: $1 name, $2 place (text), $3 position (int8), $4 all or tail (text).
insert into :"schema".readers (name, place, position, keeps)
values ($1, $2, $3, $4)
on conflict (name, place) do update set position = excluded.position, keeps = excluded.keeps, seen_at = pg_catalog.now();
