/** Takes the session lock as `options` say, over the built package, says so, and keeps it without another word. */
import { postgresqlDatabase } from '../../dist/database/postgresql/postgresql-database.js';

const database = postgresqlDatabase(JSON.parse(process.argv[2]));
const session = await database.connect('lock');
const lock = await database.sessionLockOn(session);
console.log((await lock.take(0)) ? 'held' : 'not free');
await session.ended;
console.log('ended');
