// Uses a queue of graphile-worker: WHAT SECONDS, where WHAT is add or work; 0 only makes the tables.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(`${process.env.STORES}/`);
const { makeWorkerUtils, runOnce } = await import(pathToFileURL(resolve('graphile-worker')));
const [what, seconds] = [process.argv[2], Number(process.argv[3])];
const pool = new (createRequire(`${process.env.STORES}/`)('pg').Pool)();
const utils = await makeWorkerUtils({ pgPool: pool });
await utils.migrate();
if (what === 'work') await runOnce({ pgPool: pool, taskList: { mail: async () => {} } });
const end = Date.now() + seconds * 1000;
for (let n = 0; Date.now() < end; n++) await utils.addJob('mail', { n, text: 'é' });
await utils.release();
await pool.end();
