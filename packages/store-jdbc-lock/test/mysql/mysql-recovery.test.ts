import { destinationNumber } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { mariaDbQuery, startMariaDb, temporaryDirectory } from '@batonmq/services';
import { openStore, type Lease } from '@batonmq/store-spi';
import { expect, test } from 'vitest';
import { jdbcLockStore } from '../../src/index.ts';

const BACKLOG = 20_000;

test('recovery reads a few rows of a backlog, whatever its size', { timeout: 60_000 }, async () => {
  await using directory = await temporaryDirectory();
  await using server = await startMariaDb({ directory: directory.path });
  const firsts = new Map<string, number>();
  const recovered = async (owner: string): Promise<Lease> => {
    const lease = await openStore(jdbcLockStore({ database: server.uri }), nodeRuntime()).acquire({
      owner,
    });
    await lease.recover({
      destination: ({ key, firstSequence }) => firsts.set(key, firstSequence),
      producer: () => undefined,
      state: () => undefined,
    });
    return lease;
  };
  const before = await recovered('a');
  for (const [at, key] of ['queue://A', 'queue://B', 'queue://C'].entries()) {
    const destination = destinationNumber(at + 1);
    await before.append([{ type: 'destination-added', destination, key }]);
  }
  await before.release();
  for (const destination of [1, 2]) {
    await mariaDbQuery(
      server,
      `insert into baton_messages (destination, sequence, redelivery_count, byte_count, payload)
        select ${destination}, seq, 0, 1, 'x' from seq_5_to_${BACKLOG};
      update baton_destinations set message_count = ${BACKLOG - 4}, message_bytes = ${BACKLOG - 4},
        next_sequence = ${BACKLOG + 1} where destination = ${destination}`,
    );
  }
  const rowsRead = async (): Promise<number> => {
    const sql = `show global status where variable_name in ('Handler_read_next', 'Handler_read_rnd_next')`;
    const lines = (await mariaDbQuery(server, sql)).split('\n');
    return lines.reduce((sum, line) => sum + Number(line.split('\t')[1]), 0);
  };

  const from = await rowsRead();
  const lease = await recovered('b');
  // Questions like these about its state read some rows of the server's own, too.
  expect((await rowsRead()) - from).toBeLessThan(BACKLOG / 4);
  expect([...firsts.values()]).toEqual([5, 5, 1]);
  await lease.release();
});
