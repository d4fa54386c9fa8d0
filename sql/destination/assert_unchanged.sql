-- Before the commit of a batch, once its rows hold the table's lock: fails with a division by zero, after which nothing can be committed, unless what
-- bears the table's name, its columns and triggers are those that were compared with the source's. A trigger may have come after the begin.
-- Variables: fingerprint (SQL of ours: event/fingerprint.sql). Parameters: $1 the fingerprint (text).
select 1 operator(pg_catalog./) coalesce((:fingerprint) operator(pg_catalog.=) $1::pg_catalog.text, false)::pg_catalog.int4 as is_unchanged;
