import { expect, test } from 'vitest';
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
  const { settings, origins } = resolveSettings(
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
  expect(origins).toMatchObject({
    name: '--name',
    store: 'b.yaml:2:8',
    logLevel: 'BATONMQ_LOG_LEVEL',
    admin: 'default',
  });
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
    flagSource({ logLevel: 'all', store: 'sqlite:x' }),
  );
  expect(problems).toEqual([
    expect.stringMatching(/^b\.yaml:3:5 listen\.0: .*udp: .* is not supported/),
    expect.stringMatching(/^b\.yaml:4:5 listen\.1: .*port from 0 to 65535$/),
    expect.stringMatching(/^b\.yaml:5:5 listen\.2: .*foo is unknown.*connectionCountMax is 0/),
    'b.yaml:6:8 admin: must be HOST:PORT or off',
    expect.stringMatching(/^b\.yaml:1:7 nmae is not a setting; these are: name, listen, /),
    expect.stringMatching(/^BATONMQ_PORT is not a variable of batonmq; these are: BATONMQ_NAME, /),
    'BATONMQ_LOG must be json or pretty',
    expect.stringMatching(/^--store A store must be file:DIR .* not 'sqlite:x'$/),
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

test('printed settings are a configuration file that sets the same', () => {
  const resolved = resolveSettings([flagSource({ listen: ['tcp://a:1', 'tcp://b:2'] })], machine);
  const again = resolveSettings([fileSource('printed', formatSettings(resolved))], machine);
  expect(again.settings).toEqual(resolved.settings);
});
