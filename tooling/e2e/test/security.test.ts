import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  freePort,
  runBatonMq,
  startBatonMq,
  temporaryDirectory,
  type BatonMq,
  type TemporaryDirectory,
} from '@batonmq/services';
import { javaScenarios, type ScenarioResults } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsSecurity.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'a right password is let in',
  'a wrong password and an unknown user get the same answer',
  'who may write but not read sends and does not consume',
  'who may read but not write consumes and does not send',
  'a refused asynchronous send is told to the exception listener',
  'a browser needs the right to read',
  'a destination is created by who may',
  'a destination is deleted by who may',
  'a guest may do what guests may',
  'a wildcard consumer gets what it may read',
  'a durable subscription needs the right to read',
  'a request is answered through a temporary queue',
  'advisories reach clients',
  'a refused send fails its transaction',
  'a failover client that is refused is told so',
];

/** docs/reference/activemq-differences.md says in what. */
const OURS_ALONE = [
  'a destination is deleted by who may',
  'a wildcard consumer gets what it may read',
];

const USERS = {
  anna: ['shop', 'users'],
  bert: ['workers', 'users'],
  carla: ['admins'],
  dora: ['reporters'],
};

const SECURITY = `
  anonymousAccessAllowed: true
  anonymousUser: guest
  anonymousGroups: [guests]
  failedLoginsMax: 100
  authorization:
    - { queue: '>', read: [admins], write: [admins], admin: [admins] }
    - { topic: '>', read: [admins], write: [admins], admin: [admins] }
    - { queue: 'orders.>', read: [workers], write: [shop], admin: [shop, workers] }
    - { queue: wild.orders, read: [workers], write: [shop], admin: [shop, workers] }
    - { queue: 'reports.>', read: [reporters], write: [reporters], admin: [admins] }
    - { topic: 'news.>', read: ['*'], write: [users], admin: [users, guests] }
  tempDestinations:
    { read: [users, admins], write: [users, admins], admin: [users, admins] }
`;

/** Runs the program with an input, to its end. */
async function batonmq(args: readonly string[], input = ''): Promise<[code: unknown, out: string]> {
  await using program = runBatonMq(args);
  program.tell(input);
  const { code } = await program.exited;
  return [code, program.output];
}

describe('users made on the command line, with rights from the configuration:', () => {
  let directory: TemporaryDirectory | undefined;
  let broker: BatonMq | undefined;
  let results: ScenarioResults;
  let audit: string;
  let users: string;
  let admin: string;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    users = join(directory.path, 'users');
    audit = join(directory.path, 'audit');
    for (const [name, groups] of Object.entries(USERS)) {
      const flags = groups.flatMap((group) => ['--group', group]);
      const [code, output] = await batonmq(['user', 'add', users, name, ...flags], name);
      expect([code, output]).toEqual([0, '']);
    }
    const config = join(directory.path, 'broker.yaml');
    await writeFile(config, `security:\n  users: ${users}${SECURITY}audit: ${audit}\n`);
    admin = `127.0.0.1:${await freePort()}`;
    broker = await startBatonMq({ name: 'a', store: 'memory:', config, admin });
    await broker.becomes('active');
    results = await javaScenarios(SOURCE, [broker.uri]);
  }, 120_000);
  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  test.each(SCENARIOS)('%s', (scenario) => {
    expect(results.get(scenario)).toBe('ok');
  });

  test('the audit file says who did what, without a password', async () => {
    const lines = (await readFile(audit, 'utf8')).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const first = (event: string, fields: object): unknown =>
      events.find(
        (each) =>
          each['event'] === event &&
          Object.entries(fields).every(([name, value]) => each[name] === value),
      );
    expect(first('login-accepted', { userName: 'anna', protocol: 'openwire' })).toBeDefined();
    expect(first('login-refused', { userName: 'nobody' })).toBeDefined();
    const denied = { userName: 'anna', action: 'read', destination: 'queue://orders.write' };
    expect(first('access-denied', denied)).toBeDefined();
    const made = { userName: 'carla', destination: 'queue://admin.queue' };
    expect(first('destination-added', made)).toBeDefined();
    expect(first('destination-removed', made)).toBeDefined();
    expect(lines.join()).not.toContain('password');
  });

  test('operators log in, and whoever is none learns nothing', async () => {
    const status = `http://${admin}/status`;
    expect((await fetch(`http://${admin}/health`)).status).toBe(200);
    expect((await fetch(status)).status).toBe(401);
    const as = (user: string): Promise<Response> => {
      const authorization = `Basic ${Buffer.from(`${user}:${user}`).toString('base64')}`;
      return fetch(status, { headers: { authorization } });
    };
    expect((await as('anna')).status).toBe(403);
    expect((await as('carla')).status).toBe(200);
  });

  test('users are listed, changed and removed, and passwords are not taken from arguments', async () => {
    expect((await batonmq(['user', 'list', users]))[1]).toBe(
      'anna  shop, users\nbert  workers, users\ncarla  admins\ndora  reporters',
    );
    expect((await batonmq(['user', 'add', users, 'anna'], 'x'))[0]).toBe(2);
    expect((await batonmq(['user', 'passwd', users, 'dora'], 'other'))[0]).toBe(0);
    expect((await batonmq(['user', 'remove', users, 'dora']))[0]).toBe(0);
    expect((await batonmq(['user', 'remove', users, 'dora']))[0]).toBe(2);
    expect((await batonmq(['user', 'add', users, 'emil', 'secret'], 'x'))[0]).toBe(2);
    expect(await readFile(users, 'utf8')).toMatch(/^anna:\$scrypt\$ln=14,r=8,p=5\$/);
  });
});

describe('ActiveMQ answers the same:', () => {
  let results: ScenarioResults;
  beforeAll(async () => {
    results = await javaScenarios(SOURCE, ['control']);
  }, 120_000);

  test.each(SCENARIOS.filter((name) => !OURS_ALONE.includes(name)))('%s', (scenario) => {
    expect(results.get(scenario)).toBe('ok');
  });
});
