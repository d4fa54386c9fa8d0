-- What is captured into a log. Variable: schema (name).
select source, relation, shape::text as shape, omitted, first_id, installed_at::text as installed_at from :"schema".captured order by source;
