-- Writes about 60 bytes of write-ahead log and commits as the session is configured to: what was committed before is then as durable. No parameters.
select from pg_catalog.pg_logical_emit_message(true, 'counterfoil', '');
