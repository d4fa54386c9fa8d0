-- Lets deferred constraints be checked now: a trigger cannot be enabled while they wait for the commit.
set constraints all immediate;
