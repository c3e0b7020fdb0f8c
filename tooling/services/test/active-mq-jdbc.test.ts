import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import {
  freePorts,
  postgresQuery,
  startActiveMq,
  startPostgres,
  temporaryDirectory,
} from '../src/index.ts';

const SEND = ['SEND', 'destination:/queue/kept', 'persistent:true', 'receipt:1', '', 'hello'];
const SUBSCRIBE = ['SUBSCRIBE', 'destination:/queue/kept', 'id:1', 'ack:auto', '', ''];

/** Says one frame to a broker; what it answers up to `awaited`. */
async function stomp(port: number, frame: string[], awaited: RegExp): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`CONNECT\naccept-version:1.2\nhost:any\n\n\0${frame.join('\n')}\0`);
  let answer = '';
  while (!awaited.test(answer)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    answer += chunk.toString();
  }
  socket.destroy();
  return answer;
}

for (const locker of ['row', 'lease'] as const) {
  test(`ActiveMQ keeps messages in PostgreSQL; who waits for its ${locker} takes over when it is killed`, async () => {
    await using directory = await temporaryDirectory();
    await using postgres = await startPostgres({ directory: `${directory.path}/postgres` });
    const [firstPort, secondPort] = (await freePorts(2)) as [number, number];
    const jdbc = { postgresPort: postgres.port, locker };
    await using first = await startActiveMq({
      ...{ name: 'first', directory: `${directory.path}/first`, stompPort: firstPort, jdbc },
    });
    await using second = await startActiveMq({
      ...{ name: 'second', directory: `${directory.path}/second`, stompPort: secondPort, jdbc },
      isAwaited: false,
    });

    await stomp(firstPort, SEND, /^RECEIPT/m);
    const stored = `SELECT container FROM activemq_msgs WHERE container LIKE 'queue:%'`;
    expect(await postgresQuery(postgres, stored)).toBe('queue://kept');

    await first.kill();
    await second.ready;
    expect(await stomp(secondPort, SUBSCRIBE, /hello\0/)).toMatch(/destination:\/queue\/kept/);
  });
}
