-- Asks the server what it is; everything that speaks the protocol can answer this. No parameters.
select pg_catalog.version();
