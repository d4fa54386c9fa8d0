-- Events as slate's indexes expect them, about 400 bytes each, :events_per_ts neighbours of equal time.
insert into events (ts, event)
select timestamptz '2026-01-01 00:00:00.123456+00' + (n / :events_per_ts) * interval '1 ms',
       jsonb_build_object(
           'entityName', (array['Person', 'Account', 'Order', 'Shipment'])[1 + n % 4],
           'operation', (array['Created', 'Changed', 'Deleted'])[1 + n % 3],
           'propertyName', (array['lastName', 'firstName', 'ssn', 'street', 'city'])[1 + n % 5],
           'entityId', md5((n / 7)::text)::uuid,
           'data', jsonb_build_object('before', md5('b' || n), 'after', md5('a' || n)),
           'metadata', jsonb_build_object('initiatorId', md5((n % 1000)::text)::uuid),
           'testingStats', jsonb_build_object('dbOperationNum', n / 100, 'dbOperationEventNum', n % 100))
  from generate_series(0::bigint, :events - 1) as n
