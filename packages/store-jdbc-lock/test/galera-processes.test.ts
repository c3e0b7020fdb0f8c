import { mariaDbQuery, startGalera, temporaryDirectory, type Galera } from '@batonmq/services';
import type { DatabaseServer, StoreProcess } from '@batonmq/services';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  nextActive,
  saidBy,
  StoreProcesses,
  timeToFirstAppend,
} from './fixtures/store-processes.ts';

/**
 * There is no lock that holds on each node, so whoever is gone is waited for. Longer than the cluster needs to go on
 * without a node.
 */
const LEASE = { leaseDurationMs: 6_000, keepAliveIntervalMs: 200, pollIntervalMs: 100 };
const CONFLICTS = 20;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let cluster: Galera;
let nodes: readonly [DatabaseServer, DatabaseServer, DatabaseServer];

beforeAll(async () => {
  directory = await temporaryDirectory();
  cluster = await startGalera({ directory: directory.path });
  nodes = cluster.nodes as unknown as typeof nodes;
}, 120_000);

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

/** Each on a node of its own; the first is active. */
async function startThree(
  processes: StoreProcesses,
): Promise<[StoreProcess, StoreProcess, StoreProcess]> {
  const [first, second] = await processes.startPair(
    { database: nodes[0].uri },
    { database: nodes[1].uri },
  );
  const third = processes.start('c', { database: nodes[2].uri });
  await third.seen('waiting');
  return [first, second, third];
}

/** So that nobody has to wait for the end of its lease. */
async function release(active: StoreProcess): Promise<void> {
  active.tell('release');
  await active.exited;
}

describe('three brokers on three nodes', { timeout: 60_000 }, () => {
  test('one of two takes over from one that was killed, after its lease', async () => {
    await using processes = await StoreProcesses.on({ database: nodes[0].uri, ...LEASE });
    const [first, second, third] = await startThree(processes);
    const winner = nextActive([second, 0], [third, 0]);
    const ms = await Promise.race(
      [second, third].map((each) => timeToFirstAppend(each, () => first.kill())),
    );
    const loser = (await winner) === second ? third : second;
    console.log(`Galera: takeover after kill -9: ${ms} ms`);
    await (await winner).seenAcks(20);
    expect(saidBy(loser)).toEqual(new Set(['waiting']));
    await release(await winner);
    await processes.expectNothingLost({ database: nodes[2].uri });
  });

  test('writes of others on another node make a broker try again, and no more', async () => {
    await using processes = await StoreProcesses.on({ database: nodes[0].uri, ...LEASE });
    const [first, second, third] = await startThree(processes);
    const before = first.events.length;
    // The node that commits first wins; the other is told of a deadlock.
    for (let conflict = 0; conflict < CONFLICTS; conflict += 1) {
      const owner = conflict % 2 === 0 ? 'another' : 'a';
      await mariaDbQuery(
        nodes[1],
        `update ${processes.table('lease')} set owner = '${owner}'`,
      ).catch((error: unknown) => {
        expect(String(error)).toContain('ERROR 1213');
      });
    }
    await first.seenAcks(20);
    const aborts = await mariaDbQuery(
      nodes[0],
      `select sum(variable_value) from information_schema.global_status where variable_name in ('wsrep_local_bf_aborts', 'wsrep_local_cert_failures')`,
    );
    expect(Number(aborts)).toBeGreaterThan(0);
    expect(saidBy(first, before)).toEqual(new Set(['acked', 'consumed']));
    for (const each of [second, third]) expect(saidBy(each)).toEqual(new Set(['waiting']));
    await release(first);
    await processes.expectNothingLost({ database: nodes[1].uri });
  });

  test('one on another node takes over from one whose node was killed', async () => {
    await using processes = await StoreProcesses.on({ database: nodes[0].uri, ...LEASE });
    const [first, second, third] = await startThree(processes);
    const from = first.events.length;
    const winner = nextActive([second, 0], [third, 0]);
    const ms = await Promise.race(
      [second, third].map((each) => timeToFirstAppend(each, () => nodes[0].kill())),
    );
    console.log(`Galera: takeover after the node was killed: ${ms} ms`);
    await (await winner).seenAcks(20);
    await first.seen('lost', from);
    const lost = first.events.length;
    await nodes[0].start();
    await first.seen('waiting', lost);
    await (await winner).seenAcks(20);
    expect(saidBy(first, lost)).toEqual(new Set(['waiting']));
    await release(await winner);
    await processes.expectNothingLost({ database: nodes[0].uri });
  });
});
