import { readFileSync } from 'node:fs';
import { BROKER_DEFAULTS, POLICY_DEFAULTS, POLICY_NAMES } from '@batonmq/broker-core';
import { OPEN_WIRE_DEFAULTS } from '@batonmq/protocol-openwire';
import { STOMP_DEFAULTS } from '@batonmq/protocol-stomp';
import { SERVE_DEFAULTS } from '@batonmq/transport';
import { expect, test } from 'vitest';
import { TLS_DEFAULTS } from '../tls/tls-options.ts';
import { effectiveStore } from '../store/store-choice.ts';
import { entriesOf, type Options } from './option-section.ts';
import { SECURITY_SECTION_DEFAULTS } from './security-section.ts';
import { SETTINGS_SCHEMA } from './settings.ts';

const PAGE = readFileSync(
  new URL('../../../../docs/reference/configuration.md', import.meta.url),
  'utf8',
);

/** `name: default` of each row under a heading. */
function documented(heading: string): string[] {
  const start = PAGE.indexOf(`${heading}\n`);
  const section = PAGE.slice(start + heading.length).split(/^##+ /m)[0] ?? '';
  const rows = section.matchAll(/^\| `([\w.]+)` +\| (?:`([^`]+)`|_none_) +\| \S/gm);
  return [...rows].map(([, name, value = '']) => `${name}: ${value}`).sort();
}

function inForce(options: Options): string[] {
  return entriesOf(options)
    .filter(([path]) => path.join() !== 'uri')
    .map(([path, value]) => `${path.join('.')}: ${String(value)}`)
    .sort();
}

/** Options of a database that mean something by not being there. */
const OF_ITS_OWN = { user: '', password: '', tlsCaFile: '' };

test.each<[string, Options]>([
  ['## Options of `broker`', BROKER_DEFAULTS],
  ['## Options of `openwire`', OPEN_WIRE_DEFAULTS],
  ['## Options of `stomp`', STOMP_DEFAULTS],
  ['## Options of `security`', { ...SECURITY_SECTION_DEFAULTS }],
  ['## Options of `listen`', SERVE_DEFAULTS],
  ['## Options of `tls`', TLS_DEFAULTS],
  ['### `file:DIR`', effectiveStore('file:data')],
  ['### `memory:`', effectiveStore('memory:')],
  ['### Databases', { ...OF_ITS_OWN, ...effectiveStore('postgres://mq@db/orders') }],
])('%s in the reference lists every option and its default', (heading, options) => {
  expect(documented(heading)).toEqual(inForce(options));
});

test('the reference lists every setting', () => {
  for (const name of Object.keys(SETTINGS_SCHEMA.shape)) expect(PAGE).toContain(`| \`${name}\` `);
});

test('the reference lists every option of a policy and its default', () => {
  const section = PAGE.slice(PAGE.indexOf('## Policies\n')).split(/^## /m)[1] ?? '';
  const rows = [
    ...section.matchAll(
      /^\| `(\w+)` +\| (?:queues|topics|both) +\| (?:`([^`]+)`|_none_) +\| (\S.*\S) +\|$/gm,
    ),
  ];
  const documented = new Map(rows.map(([, name, value]) => [name, value]));
  expect([...documented.keys()].sort()).toEqual([...POLICY_NAMES].sort());
  for (const [name, value] of Object.entries(POLICY_DEFAULTS)) {
    const type = typeof value === 'object' ? value.type : String(value ?? 'none');
    expect(documented.get(name), name).toMatch(new RegExp(`^${type}`));
  }
  const meanings = rows.map(([, , , meaning]) => meaning);
  expect(meanings, 'each says something of its own').toEqual([...new Set(meanings)]);
});
