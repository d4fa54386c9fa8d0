-- How long ago, by the source's clock, an event was stamped.
-- Variables: id (name of the id column), ts (name of the column of the stamp), table (quoted). Parameters: $1 the id.
select extract(epoch from clock_timestamp() - t.:"ts"::timestamptz)::float8 as age_s from :table t where t.:"id" = $1::int8;
