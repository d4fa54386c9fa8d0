-- The value that a sequence gave out last; NULL while it gave out none. SELECT takes no lock that a writer of events takes.
-- Variables: schema, sequence (names).
select case when counter.is_called then counter.last_value
            when counter.last_value > -9223372036854775808 then counter.last_value - 1 end
  from :"schema".:"sequence" as counter
