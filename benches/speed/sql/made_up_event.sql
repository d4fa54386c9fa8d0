-- An event as slate's indexes expect it, about 400 bytes as a row; every number gives another one.
create function made_up_event(n bigint) returns jsonb language sql stable as $$
    select jsonb_build_object(
        'entityName', (array['Person', 'Account', 'Order', 'Shipment'])[1 + n % 4],
        'operation', (array['Created', 'Changed', 'Deleted'])[1 + n % 3],
        'propertyName', (array['lastName', 'firstName', 'ssn', 'street', 'city'])[1 + n % 5],
        'entityId', md5((n / 7)::text)::uuid,
        'data', jsonb_build_object('before', md5('b' || n), 'after', md5('a' || n)),
        'metadata', jsonb_build_object('initiatorId', md5((n % 1000)::text)::uuid),
        'testingStats', jsonb_build_object('dbOperationNum', n / 100, 'dbOperationEventNum', n % 100))
$$
