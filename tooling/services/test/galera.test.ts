import { expect, test } from 'vitest';
import {
  mariaDbQuery,
  startGalera,
  temporaryDirectory,
  type DatabaseServer,
} from '../src/index.ts';

// A node that joins copies all files of another, which takes some three seconds.
test(
  'a node of a cluster is killed, misses a commit of another, and has it when it is back',
  { timeout: 120_000 },
  async () => {
    await using directory = await temporaryDirectory();
    await using cluster = await startGalera({ directory: directory.path });
    expect(cluster.nodes).toHaveLength(3);
    const [first, second, third] = cluster.nodes as [
      DatabaseServer,
      DatabaseServer,
      DatabaseServer,
    ];
    await mariaDbQuery(first, 'CREATE TABLE kept (number INT PRIMARY KEY)');
    await mariaDbQuery(second, 'INSERT INTO kept VALUES (1)');

    await first.kill();
    await mariaDbQuery(third, 'INSERT INTO kept VALUES (2)');
    await first.start();

    const all = 'SET wsrep_sync_wait = 1; SELECT number FROM kept ORDER BY number';
    for (const node of cluster.nodes) expect(await mariaDbQuery(node, all)).toBe('1\n2');
  },
);
