import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  ManagedProcess,
  startBatonMq,
  temporaryDirectory,
  type ManagedProcessOptions,
} from '@batonmq/services';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The client and what it ships with. */
const PACKAGES = [
  'model',
  'runtime',
  'message-content',
  'openwire',
  'transport',
  'discovery',
  'client',
];

/** What they depend on of others', packed as it is installed here, so no registry is needed. */
const INSTALLED = [join(ROOT, 'packages/transport/node_modules/ws')];

const PROGRAM = `
  import { connect } from '@batonmq/client';
  const connection = await connect(process.argv[2]);
  const producer = await connection.createProducer('queue://packed');
  await producer.send('from a tarball');
  const consumer = await connection.createConsumer('queue://packed');
  console.log('got ' + (await consumer.receive()).text);
  await connection.close();
`;

async function run(
  command: string,
  args: string[],
  options: ManagedProcessOptions,
): Promise<string> {
  await using child = new ManagedProcess(command, args, options);
  await child.succeeded();
  return child.output;
}

test('the client installs from its tarballs alone and works', async () => {
  await using directory = await temporaryDirectory();
  const project = directory.path;
  await Promise.all([
    ...PACKAGES.map((name) =>
      run('pnpm', ['pack', '--pack-destination', project], { cwd: join(ROOT, 'packages', name) }),
    ),
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', project, ...INSTALLED], {}),
  ]);
  const tarballs = (await readdir(project)).filter((name) => name.endsWith('.tgz'));
  expect(tarballs).toHaveLength(PACKAGES.length + INSTALLED.length);
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }');
  await writeFile(join(project, 'program.js'), PROGRAM);
  const install = ['install', '--offline', '--no-audit', '--no-fund'];
  await run('npm', [...install, ...tarballs.map((name) => `./${name}`)], { cwd: project });

  await using broker = await startBatonMq({ name: 'a', store: 'memory:' });
  await broker.becomes('active');
  const output = await run(process.execPath, ['program.js', broker.uri], { cwd: project });
  expect(output).toBe('got from a tarball');
}, 120_000);
