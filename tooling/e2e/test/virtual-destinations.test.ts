import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBatonMq, temporaryDirectory } from '@batonmq/services';
import { beforeAll, describe, expect, test } from 'vitest';
import { javaScenarios } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsVirtual.java', import.meta.url));

/** The same that the program gives to an ActiveMQ of its own. */
const VIRTUAL_DESTINATIONS = `
virtualDestinations:
  - type: virtualTopic
  - { type: virtualTopic, name: EVENTS.>, prefix: VT.*. }
  - { type: virtualTopic, name: AWARE.>, selectorAware: true }
  - { type: compositeQueue, name: IN.ONLY, forwardTo: [OUT.A, 'topic://OUT.B'] }
  - { type: compositeQueue, name: IN.TOO, forwardTo: [OUT.C], forwardOnly: false }
  - { type: compositeTopic, name: IN.TOPIC, forwardTo: [OUT.D, 'topic://OUT.E'] }
  - type: compositeQueue
    name: IN.FILTERED
    forwardTo:
      - { queue: OUT.EU, selector: region = 'eu' }
      - { queue: OUT.BIG, selector: size > 10 }
  - type: compositeQueue
    name: IN.REST
    forwardTo: [{ queue: OUT.US, selector: region = 'us' }]
    sendWhenNotMatched: true
`;

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'each application gets what is sent to a virtual topic',
  'an application gets what was sent while it was away',
  'consumers of one application share its messages',
  'prefix and name of virtual topics are free',
  'a virtual topic may mind the selectors of its applications',
  'a composite queue passes everything on',
  'a composite queue may keep its messages too',
  'a composite topic passes on to queues and topics',
  'a composite queue passes on by selector',
  'a composite queue may keep what goes nowhere else',
  'a send to a list reaches each part',
  'a consumer of a list gets all of it',
  'a list may be sent to in a transaction',
  '* is one level of the names of queues, > the rest',
  'a wildcard consumer gets queues that come later',
  'consumers of overlapping wildcards share a queue',
  "each consumer of overlapping wildcards gets one copy of a topic's",
  'a wildcard consumer gets each queue in order',
  'a browser of wildcards shows all queues',
  'a browser of a list shows all queues',
  'a request is answered through a temporary queue',
  'a request is answered through a temporary topic',
  'nobody else consumes from a temporary queue',
  'a temporary queue with a consumer is not deleted',
  'a temporary queue is gone with its connection',
  'a deleted temporary queue takes nothing',
  'a name says the prefetch',
  'a name says that a consumer is exclusive',
  'a name says the priority',
  'a name says the selector',
  'a name says that a consumer wants nothing of its own',
  'a name with options of no effect is taken',
  'an option that does not exist is refused',
];

/** ActiveMQ makes a queue of that name. */
const OWN_SCENARIOS = ['nobody sends to a wildcard'];

async function atBatonMq(
  settings: string,
  ...args: string[]
): Promise<ReadonlyMap<string, string>> {
  await using directory = await temporaryDirectory();
  const config = join(directory.path, 'batonmq.yaml');
  await writeFile(config, settings);
  await using broker = await startBatonMq({ name: 'broker', store: 'memory:', config });
  await broker.becomes('active');
  return await javaScenarios(SOURCE, [broker.uri, ...args]);
}

describe('destinations of the Java client:', () => {
  let ours: ReadonlyMap<string, string> = new Map();
  let control: ReadonlyMap<string, string> = new Map();

  beforeAll(async () => {
    ours = await atBatonMq(VIRTUAL_DESTINATIONS);
    control = await javaScenarios(SOURCE, ['activemq']);
  }, 240_000);

  test.each(SCENARIOS)('%s, as at ActiveMQ', (scenario) => {
    expect([ours.get(scenario), control.get(scenario)]).toEqual(['ok', 'ok']);
  });

  test.each(OWN_SCENARIOS)('%s', (scenario) => {
    expect(ours.get(scenario)).toBe('ok');
  });
});

describe('with mirrored queues', () => {
  const SCENARIO = 'what is sent to a queue shows on its topic';

  test.each([
    ['BatonMQ', () => atBatonMq('virtualDestinations: [{ type: mirroredQueues }]', 'mirrored')],
    ['ActiveMQ, as control', () => javaScenarios(SOURCE, ['activemq', 'mirrored'])],
  ])(
    `${SCENARIO}, at %s`,
    async (_name, run) => {
      expect((await run()).get(SCENARIO)).toBe('ok');
    },
    120_000,
  );
});
