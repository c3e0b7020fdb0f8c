import { open, readdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '@batonmq/client';
import { freePort, runBatonMq, startBatonMq, temporaryDirectory } from '@batonmq/services';
import { BrokerPair } from '../src/broker-pair.ts';

/** Runs the program to its end. */
async function batonmq(...args: string[]): Promise<{ code: number | undefined; output: string }> {
  await using program = runBatonMq(args);
  const { code } = await program.exited;
  return { code, output: program.output };
}

describe('settings', () => {
  test('that are wrong are all named, and nothing starts', async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'broker.yaml');
    await writeFile(file, 'name: a b\nstore: udp:x\n');
    const { code, output } = await batonmq('start', '--config', file, '--listen', 'udp://x:1');
    expect(code).toBe(2);
    expect(output).toContain('broker.yaml:1:7 name: must be');
    expect(output).toContain('broker.yaml:2:8 store: A store must be');
    expect(output).toContain(
      '--listen The transport udp: of udp://x:1 is not supported; allowed is tcp, auto, ssl,',
    );
  });

  test('name a port that is taken when the program starts, not at the takeover', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const listen = `tcp://127.0.0.1:${port}`;
    const { code, output } = await batonmq('start', '--listen', listen, '--store', 'memory:');
    taken.close();
    expect(code).toBe(2);
    expect(output).toMatch(/in use.*Choose another --listen/);
  });

  test('unknown commands and options end with the code for usage', async () => {
    expect((await batonmq('strat')).code).toBe(2);
    expect((await batonmq('produce', '--count', 'many')).code).toBe(2);
  });
});

describe('clients of the command line', () => {
  test('produce, browse and consume pass messages on', async () => {
    await using broker = await startBatonMq({ name: 'a', store: 'memory:' });
    await broker.becomes('active');
    const at = ['--url', broker.uri, '--destination', 'queue://orders'];
    const produced = await batonmq('produce', ...at, '--count', '25', '--transacted', '10');
    expect(produced.output).toContain('25 messages stored');
    const browsed = await batonmq('browse', ...at, '--count', '2');
    expect(browsed.output).toMatch(/message 1 .*message 2 .*2 messages shown/s);
    const consumed = await batonmq('consume', ...at, '--count', '25', '--ack', 'transacted');
    expect(consumed.output).toMatch(/message 1 .*message 25 .*25 messages received/s);
    const nothing = await batonmq('consume', ...at, '--timeout', '100');
    expect(nothing.output).toBe('0 messages received');
  });

  test('say that there is no broker', async () => {
    const port = await freePort();
    const produced = await batonmq('produce', '--url', `tcp://127.0.0.1:${port}`);
    expect(produced.code).toBe(5);
    expect(produced.output).toContain('BATON_DISCONNECTED');
    const status = await batonmq('status', '--admin', `127.0.0.1:${port}`);
    expect(status.code).toBe(5);
    expect(status.output).toContain('Is it running');
  });
});

describe('two brokers on one directory', () => {
  test('the standby does not listen, and takes over at once when the active one is told to stop', async () => {
    await using directory = await temporaryDirectory();
    await using pair = await BrokerPair.start({ directory: directory.path });
    await expect(connect(pair.standby.uri, { connectTimeoutMs: 1000 })).rejects.toThrow(/REFUSED/);
    await using connection = await connect(pair.uri);
    const producer = await connection.createProducer('queue://handed.over');
    await producer.send('before');

    const stopped = pair.active.stop();
    await pair.standby.becomes('active', { timeoutMs: 2_000 });
    expect(await stopped).toEqual({ code: 0, signal: undefined });

    await producer.send('after');
    const consumer = await connection.createConsumer('queue://handed.over');
    expect((await consumer.receive())?.text).toBe('before');
    expect((await consumer.receive())?.text).toBe('after');
  });

  test('tell operators and load balancers which one is active', async () => {
    await using directory = await temporaryDirectory();
    const admins = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`] as const;
    const store = `file:${directory.path}`;
    await using first = await startBatonMq({ name: 'first', store, admin: admins[0] });
    await first.becomes('active');
    await using second = await startBatonMq({ name: 'second', store, admin: admins[1] });
    await second.becomes('standby');
    const ready = await Promise.all(admins.map((admin) => fetch(`http://${admin}/ready`)));
    expect(ready.map(({ status }) => status)).toEqual([200, 503]);
    const status = await batonmq('status', '--admin', admins[1], '--json');
    expect(JSON.parse(status.output)).toMatchObject({ name: 'second', role: 'standby' });
  });
});

describe('store', () => {
  test('inspect says what is there and why, verify finds damage and names its place', async () => {
    await using directory = await temporaryDirectory();
    await using broker = await startBatonMq({ name: 'a', store: `file:${directory.path}` });
    await broker.becomes('active');
    await batonmq('produce', '--url', broker.uri, '--count', '50', '--size', '1000');
    const inspected = await batonmq('store', 'inspect', directory.path);
    expect(inspected.output).toMatch(/held by +a.*50 messages.*segment.*is being written/s);
    expect((await batonmq('store', 'verify', directory.path)).output).toMatch(
      /intact: 50 messages/,
    );
    await broker.stop();

    const segment = await firstSegment(directory.path);
    await invertByte(segment, 20_000);
    const { code, output } = await batonmq('store', 'verify', directory.path);
    expect(code).toBe(4);
    expect(output).toContain(segment);
  });

  test('a directory of another format is refused, and not touched', async () => {
    await using directory = await temporaryDirectory();
    await writeFile(join(directory.path, 'format'), 'batonmq 9\n');
    const port = await freePort();
    const args = ['--listen', `tcp://127.0.0.1:${port}`, '--admin', 'off', '--log', 'json'];
    const { code, output } = await batonmq('start', '--store', `file:${directory.path}`, ...args);
    expect(code).toBe(3);
    expect(output).toContain('BATON_STORE_FORMAT');
    expect(await readdir(directory.path)).toEqual(['format']);
  });
});

/** The segment that has messages, of a store that was just filled. */
async function firstSegment(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true });
  const [first] = names.filter((name) => name.endsWith('.segment')).sort();
  return join(directory, first ?? '');
}

async function invertByte(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 0xff;
  await file.write(byte, 0, 1, position);
  await file.close();
}
