-- Rings a channel, without contents. Parameter: channel.
select pg_catalog.pg_notify(:'channel', '');
