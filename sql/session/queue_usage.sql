-- Reads how full the notification queue of the cluster is, from 0 to 1. The call itself frees what no listener needs any more,
-- which nothing else does once a stuck listener is gone. No parameters.
select pg_catalog.pg_notification_queue_usage();
