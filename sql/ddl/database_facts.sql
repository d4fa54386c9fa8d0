-- Asks whether a database is there, and which encoding a new one would have. Parameter: database (literal).
select
    exists (select from pg_catalog.pg_database where datname = :'database') as is_there,
    (select pg_catalog.pg_encoding_to_char(encoding) = 'UTF8' from pg_catalog.pg_database where datname = 'template1') as is_utf8
