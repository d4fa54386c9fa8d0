-- Forgets readers of these names. Variable: schema (name). Parameter: $1 names (text[]).
delete from :"schema".readers as r where r.name = any ($1::text[]);
