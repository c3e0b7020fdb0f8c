import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { freePorts, ManagedProcess, startActiveMq, temporaryDirectory } from '../src/index.ts';

function node(script: string): ManagedProcess {
  return new ManagedProcess(process.execPath, ['--eval', script]);
}

test('a process is waited for by its lines, past and to come', async () => {
  await using child = node(`console.log('one 1'); setInterval(() => console.log('two 2'), 5)`);
  expect((await child.line(/two (\d)/))[1]).toBe('2');
  expect((await child.line(/one (\d)/))[1]).toBe('1');
});

test('waiting for a line fails with the output when the process ends without it', async () => {
  await using child = node(`console.log('what happened')`);
  await expect(child.line(/never/)).rejects.toThrow(/ended before.*what happened/s);
});

test('a failed program is an error, with its output', async () => {
  await using child = node(`console.error('the reason'); process.exitCode = 3`);
  await expect(child.succeeded()).rejects.toThrow(/code 3.*the reason/s);
});

test('a disposed process has ended', async () => {
  const child = node('setInterval(() => {}, 1000)');
  await child[Symbol.asyncDispose]();
  expect(await child.exited).toEqual({ code: undefined, signal: 'SIGKILL' });
});

test('ports are different and free', async () => {
  const ports = await freePorts(5);
  expect(new Set(ports).size).toBe(5);
});

test('a temporary directory goes with all in it', async () => {
  const directory = await temporaryDirectory();
  expect(existsSync(directory.path)).toBe(true);
  await directory[Symbol.asyncDispose]();
  expect(existsSync(directory.path)).toBe(false);
});

test('ActiveMQ greets with its wire format, and keeps its files where it was told', async () => {
  await using directory = await temporaryDirectory();
  await using broker = await startActiveMq({ directory: directory.path });
  const socket = connect(broker.port, '127.0.0.1');
  const [greeting] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  expect(greeting.subarray(5, 13).toString('latin1')).toBe('ActiveMQ');
  expect(existsSync(`${directory.path}/db-1.log`)).toBe(true);
});
