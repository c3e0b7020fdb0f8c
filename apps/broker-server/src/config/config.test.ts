import { expect, test } from 'vitest';
import { FS_LOCK_STORE_DEFAULTS } from '@batonmq/store-fs-lock';
import { storeUri } from '../store/store-choice.ts';
import { effectiveSettings } from './settings.ts';
import { formatSettings, resolveSettings } from './resolve-settings.ts';
import { environmentSource, fileSource, flagSource, missingFile } from './source.ts';

const machine = { hostName: 'host', isTerminal: false };

function problemsOf(...sources: Parameters<typeof resolveSettings>[0]): string[] {
  try {
    resolveSettings(sources, machine);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

test('flags win over the environment, the environment over the file, the file over defaults', () => {
  const file = fileSource('b.yaml', 'name: file\nstore: "memory:"\nlogLevel: warn\n');
  const environment = environmentSource({ BATONMQ_NAME: 'env', BATONMQ_LOG_LEVEL: 'error' });
  const { settings, originOf } = resolveSettings(
    [file, environment, flagSource({ name: 'flag' })],
    machine,
  );
  expect(settings).toEqual({
    name: 'flag',
    listen: ['tcp://127.0.0.1:61616'],
    store: 'memory:',
    admin: '127.0.0.1:8161',
    log: 'json',
    logLevel: 'error',
  });
  expect(originOf(['name'])).toBe('--name');
  expect(originOf(['store'])).toBe('b.yaml:2:8');
  expect(originOf(['logLevel'])).toBe('BATONMQ_LOG_LEVEL');
  expect(originOf(['admin'])).toBe('default');
});

test('every problem of every source is reported at once, with its place', () => {
  const text = `nmae: a
listen:
  - udp://x:1
  - tcp://1.2.3.4:99999
  - tcp://h:1?foo=1&connectionCountMax=0
admin: h:65536
`;
  const problems = problemsOf(
    fileSource('b.yaml', text),
    environmentSource({ BATONMQ_LOG: 'loud', BATONMQ_PORT: '1' }),
    flagSource({ logLevel: 'all', store: 'udp:x' }),
  );
  expect(problems).toEqual([
    expect.stringMatching(/^b\.yaml:3:5 listen\.0: .*udp: .* is not supported/),
    expect.stringMatching(/^b\.yaml:4:5 listen\.1: .*port from 0 to 65535$/),
    expect.stringMatching(/^b\.yaml:5:5 listen\.2: .*foo is unknown.*connectionCountMax is 0/),
    'b.yaml:6:8 admin: must be HOST:PORT or off',
    expect.stringMatching(/^b\.yaml:1:7 nmae is not a setting; these are: name, listen, /),
    expect.stringMatching(/^BATONMQ_PORT is not a variable of batonmq; these are: BATONMQ_NAME, /),
    'BATONMQ_LOG must be json or pretty',
    expect.stringMatching(/^--store A store must be file:DIR .* not 'udp:'$/),
    '--log-level must be debug, info, warn or error',
  ]);
});

test('a file that is not YAML is a problem at its line', () => {
  expect(problemsOf(fileSource('b.yaml', 'name: a\nlisten: [\n'))[0]).toMatch(/^b\.yaml:\d+:\d+ /);
});

test('a file that cannot be read or is no mapping hides no other problem', () => {
  const wrongFlag = flagSource({ log: 'loud' });
  expect(problemsOf(missingFile('b.yaml', 'no such file'), wrongFlag)).toEqual([
    '--config b.yaml cannot be read: no such file',
    '--log must be json or pretty',
  ]);
  expect(problemsOf(fileSource('b.yaml', '- a\n'), wrongFlag)).toEqual([
    'b.yaml:1:1 the file: must be settings, each as name: value',
    '--log must be json or pretty',
  ]);
});

test('an empty file sets nothing', () => {
  expect(problemsOf(fileSource('b.yaml', '# all defaults\n'))).toEqual([]);
});

test('brokers of one machine differ in name by their port', () => {
  const named = (port: number): string =>
    resolveSettings([flagSource({ listen: [`tcp://0.0.0.0:${port}`] })], machine).settings.name;
  expect([named(61616), named(61617)]).toEqual(['host-61616', 'host-61617']);
});

test('wrong options of all parts are reported at their places, beside each other', () => {
  const text = `broker:
  sendTimeoutMs: 0
  destinationMemoryLimitBytes: 1073741824
  memoryLimitBytes: 2147483648
  colour: red
openwire:
  frameBytesMax: big
store:
  uri: file:./data
  leaseDurationMs: 5000
  keepAliveIntervalMs: 1000
  journal:
    segmentBytes: 1
listen: tcp://h:1
`;
  expect(problemsOf(fileSource('b.yaml', text)).sort()).toEqual([
    expect.stringMatching(/^b\.yaml:10:20 store\.leaseDurationMs: .*more than a ninth/),
    expect.stringMatching(/^b\.yaml:13:19 store\.journal\.segmentBytes: .*segmentBytes is 1/),
    'b.yaml:14:9 listen: must be a list of addresses',
    expect.stringMatching(/^b\.yaml:2:18 broker\.sendTimeoutMs: .*from 1 up, not 0$/),
    expect.stringMatching(/^b\.yaml:5:11 broker\.colour: .*"colour" is unknown$/),
    expect.stringMatching(/^b\.yaml:7:18 openwire\.frameBytesMax: .*big/),
  ]);
});

test('a section must be one, and an option must have a value; an empty section sets nothing', () => {
  expect(
    problemsOf(fileSource('b.yaml', 'broker: 5\nopenwire:\nstore: {leaseDurationMs: 1}')),
  ).toEqual([
    'b.yaml:3:8 store: must be a URI, or options with a uri among them',
    'b.yaml:1:9 broker: must be options, each as name: value',
  ]);
  expect(
    problemsOf(fileSource('b.yaml', 'store: {uri: "file:d", journal: , directory: e}')),
  ).toEqual([
    expect.stringMatching(/ store\.journal: has no value$/),
    expect.stringMatching(/ store\.directory: directory is not an option of a store$/),
  ]);
});

test.each([
  ['as a query', 'store: file:d?journal.segmentBytes=1048576&leaseDurationMs=20000\n'],
  [
    'beside the uri',
    'store: {uri: "file:d", leaseDurationMs: 20000, journal: {segmentBytes: 1048576}}\n',
  ],
])('options of a store may stand %s', (_, text) => {
  const { settings, originOf } = resolveSettings([fileSource('b.yaml', text)], machine);
  expect(effectiveSettings(settings).store).toMatchObject({
    uri: 'file:d',
    leaseDurationMs: 20_000,
    keepAliveIntervalMs: FS_LOCK_STORE_DEFAULTS.keepAliveIntervalMs,
    journal: { segmentBytes: 1_048_576 },
  });
  expect(originOf(['store', 'leaseDurationMs'])).toMatch(/^b\.yaml:1:/);
  expect(originOf(['store', 'journal', 'segmentBytes'])).toMatch(/^b\.yaml:1:/);
  expect(originOf(['store', 'keepAliveIntervalMs'])).toBe('default');
  expect(effectiveSettings({ ...settings, store: storeUri(settings.store) })).toEqual(
    effectiveSettings(settings),
  );
});

test('a journal that can hold less than the broker hands it is refused', () => {
  const text = 'store:\n  uri: file:./d\n  journal:\n    pendingBytesMax: 1048576\n';
  expect(problemsOf(fileSource('b.yaml', text))).toEqual([
    'store.journal.pendingBytesMax, 1048576 (b.yaml:4:22), must be at least ' +
      'broker.writeBytesMax, 67108864 (default)',
  ]);
  const broker = 'broker:\n  writeBytesMax: 1048576\n';
  expect(problemsOf(fileSource('b.yaml', text + broker))).toEqual([]);
});

test('printed settings show every option in force and are a configuration file that sets the same', () => {
  const file = fileSource('b.yaml', 'broker:\n  sendTimeoutMs: 5\n');
  const flags = flagSource({ listen: ['tcp://a:1', 'tcp://b:2'] });
  const resolved = resolveSettings([file, flags], machine);
  const printed = formatSettings(resolved);
  expect(printed).toContain('\n  sendTimeoutMs: 5 # b.yaml:2:18\n');
  expect(printed).toContain('\n  deadLetterQueue: "ActiveMQ.DLQ" # default\n');
  expect(printed).toContain('\n    onCorruption: "refuse" # default\n');
  expect(printed).toContain('# --listen\nlisten:\n');
  const again = resolveSettings([fileSource('printed', printed)], machine);
  expect(effectiveSettings(again.settings)).toEqual(effectiveSettings(resolved.settings));
});

test('wrong policies are reported at their places; what a policy may ask for depends on the broker', () => {
  const text = `policies:
  - queue: orders.>
    memoryLimit: lots
  - topic: FOO.>
    colour: red
`;
  expect(problemsOf(fileSource('b.yaml', text))).toEqual([
    expect.stringMatching(/^b\.yaml:3:18 policies\.0\.memoryLimit: must be a whole number/),
    expect.stringMatching(/^b\.yaml:5:13 policies\.1\.colour: is not an option of a policy/),
  ]);
  const large = 'policies:\n  - queue: A\n    memoryLimit: 536870912\n';
  expect(problemsOf(fileSource('b.yaml', large))).toEqual([
    expect.stringMatching(/^b\.yaml:2:3 policies\.0\.memoryLimit: must not be greater/),
  ]);
  const broker = 'broker:\n  memoryLimitBytes: 1073741824\n';
  expect(problemsOf(fileSource('b.yaml', large + broker))).toEqual([]);
});

test('everything wrong about security is reported at its place', () => {
  const text = `security:
  users: 5
  colour: red
  anonymousUser: ""
  hashesAtOnceMax: 100
  authorization:
    - queue: A
      reed: [x]
    - topic: T
      write: users
  tempDestinations: {read: x}
`;
  expect(problemsOf(fileSource('b.yaml', text)).sort()).toEqual([
    expect.stringMatching(/^b\.yaml:10:14 security\.authorization\.1\.write: must be a list of gr/),
    expect.stringMatching(/^b\.yaml:11:28 security\.tempDestinations\.read: must be a list of gr/),
    expect.stringMatching(/^b\.yaml:2:10 security\.users: must be the path of a file$/),
    expect.stringMatching(/^b\.yaml:3:11 security\.colour: is unknown; these are known: users, /),
    expect.stringMatching(/^b\.yaml:4:18 security\.anonymousUser: .*must be a name/),
    expect.stringMatching(/^b\.yaml:5:20 security\.hashesAtOnceMax: .*from 1 to 16/),
    expect.stringMatching(/^b\.yaml:8:13 security\.authorization\.0\.reed: is unknown/),
  ]);
});

test('security that lets nobody in is refused', () => {
  expect(problemsOf(fileSource('b.yaml', 'security:\n  adminGroups: [a]\n'))).toEqual([
    'b.yaml:2:3 security: needs users, or anonymousAccessAllowed: nobody could log in',
  ]);
});

const DATABASE = 'store:\n  uri: postgres://db/orders\n  user: mq\n  leaseDurationMs: 5000\n';

test('a database is a store, its options beside the uri', () => {
  const { settings, originOf } = resolveSettings([fileSource('b.yaml', DATABASE)], machine);
  expect(effectiveSettings(settings).store).toMatchObject({
    uri: 'postgresql://mq@db:5432/orders',
    leaseDurationMs: 5000,
  });
  expect(originOf(['store', 'leaseDurationMs'])).toBe('b.yaml:4:20');
  expect(
    problemsOf(
      fileSource('b.yaml', `${DATABASE}  tls: sometimes\n  colour: red\n  pollIntervalMs: 4000\n`),
    ),
  ).toEqual([
    expect.stringMatching(/^b\.yaml:5:8 store\.tls: .*'off', 'verified' and 'unverified'/),
    expect.stringMatching(/^b\.yaml:6:11 store\.colour: .*unknown option 'colour'/),
    expect.stringMatching(/^b\.yaml:7:19 store\.pollIntervalMs: .*more than a third/),
  ]);
});

test('the password of a store may be given apart, and --store with one of its own wins', () => {
  const apart = environmentSource({ BATONMQ_STORE_PASSWORD: 'apart' });
  const passwordWith = (...sources: Parameters<typeof resolveSettings>[0]): unknown =>
    (resolveSettings(sources, machine).settings.store as { password?: string }).password;
  expect(passwordWith(fileSource('b.yaml', DATABASE), apart)).toBe('apart');
  expect(passwordWith(fileSource('b.yaml', `${DATABASE}  password: own\n`), apart)).toBe('apart');
  expect(passwordWith(apart, flagSource({ store: 'postgres://mq@db/orders' }))).toBe('apart');
  const own = flagSource({ store: 'postgres://mq:own@db/orders' });
  expect(resolveSettings([apart, own], machine).settings.store).toBe('postgres://mq:own@db/orders');
  expect(problemsOf(apart)).toEqual([
    "BATONMQ_STORE_PASSWORD is set, but a store 'file:' takes no password",
  ]);
});

test('printed settings hold no password, and are a file that works beside one', () => {
  const own = fileSource('b.yaml', `${DATABASE}  password: s3cret\n`);
  const resolved = resolveSettings([own], machine);
  const printed = formatSettings(resolved);
  expect(printed).not.toContain('s3cret');
  expect(printed).toContain('\n  # password is set and not shown\n');
  const apart = environmentSource({ BATONMQ_STORE_PASSWORD: 's3cret' });
  const again = resolveSettings([fileSource('printed', printed), apart], machine);
  expect(effectiveSettings(again.settings)).toEqual(effectiveSettings(resolved.settings));
});

test('a password that YAML reads as something else is not repeated', () => {
  for (const password of ['*s3cret', '&s3cret', '!s3cret', '[s3cret', '{s3cret', '12345678']) {
    const problems = problemsOf(fileSource('b.yaml', `${DATABASE}  password: ${password}\n`));
    expect(problems.join()).not.toMatch(/s3cret|12345678/);
  }
});
