-- What was pruned, the oldest first. Variable: schema (name).
select p.first_id, p.through, p.events from :"schema".pruned as p order by p.through;
