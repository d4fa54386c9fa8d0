-- Removes what has just been certified. Variable: log (quoted). Parameters: $1 first, $2 last id (int8).
delete from :log as e where e.id >= $1::int8 and e.id <= $2::int8;
