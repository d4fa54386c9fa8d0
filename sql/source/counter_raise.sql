-- Lets the counter of consecutive ids go on at this id, unless it is beyond.
-- Variables: schema (name), next (SQL of ours: the id).
update :"schema".id as counter set id = :next where counter.id operator(pg_catalog.<) :next;
