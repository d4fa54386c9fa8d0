-- Moves the counter past the batch. Variables: schema (name), next (SQL of ours: the next id).
update :"schema".id as counter set id = :next
