// Appends to streams with Emmett: SECONDS; 0 only makes the tables.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(`${process.env.STORES}/`);
const { getPostgreSQLEventStore } = await import(pathToFileURL(resolve('@event-driven-io/emmett-postgresql')));
const { PGHOST, PGPORT, PGUSER, PGDATABASE } = process.env;
const store = getPostgreSQLEventStore(`postgresql://${PGUSER}@/${PGDATABASE}?host=${PGHOST}&port=${PGPORT}`);
const seconds = Number(process.argv[2]);
await store.schema.migrate();
const end = Date.now() + seconds * 1000;
let refused = 0;

// Four at a time; every third append expects a version that the stream no longer has.
const append = async (lane) => {
  for (let n = 0; Date.now() < end; n++) {
    const stream = `cart-${process.pid}-${lane}-${n >> 2}`;
    const events = [{ type: 'Added', data: { n, text: 'é\u2028' } }, { type: 'Noted', data: { n } }];
    await store.appendToStream(stream, events);
    if (n % 3 === 0) {
      await store.appendToStream(stream, events, { expectedStreamVersion: 0n }).catch(() => refused++);
    }
  }
};
await Promise.all([0, 1, 2, 3].map(append));
await store.close();
console.log(`${refused} refused`);
