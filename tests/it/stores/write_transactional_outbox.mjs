// Uses the outbox of pg-transactional-outbox: WHAT SECONDS, where WHAT is make (its table too), store or complete (one message of each).
import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';

const require = createRequire(`${process.env.STORES}/`);
const { DatabaseSetup, initializeMessageStorage, getDisabledLogger } = require('pg-transactional-outbox');
// What its listeners call when a message was handled.
const { markMessageCompleted } = require('pg-transactional-outbox/dist/message/mark-message-completed.js');
const [what, seconds] = [process.argv[2], Number(process.argv[3])];
const config = { outboxOrInbox: 'outbox', settings: { dbSchema: 'public', dbTable: 'outbox' } };
const client = new (require('pg').Client)();
await client.connect();
if (what === 'make') {
  await client.query(DatabaseSetup.dropAndCreateTable({ outboxOrInbox: 'outbox', schema: 'public', table: 'outbox' }));
}
if (what === 'complete') {
  const { rows } = await client.query('select id from outbox');
  for (const row of rows) await markMessageCompleted(row, client, config);
}
const store = initializeMessageStorage(config, getDisabledLogger());
const message = (n) => ({ id: randomUUID(), aggregateType: 'order', aggregateId: `${n}`, messageType: 'placed', payload: { n, text: 'é' } });
const end = Date.now() + seconds * 1000;
for (let n = 0; Date.now() < end; n++) {
  await client.query('begin');
  await store(message(n), client);
  await store(message(-n), client);
  await client.query(n % 6 === 0 ? 'rollback' : 'commit');
}
await client.end();
