import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import { mutated, mutations } from './mutations.ts';
import { cut, parse, sameOutcome } from './parse.ts';
import { ScriptedConnection } from './scripted-connection.ts';

const VERSIONS = ['1.0', '1.1', '1.2'] as const;

/** Every command, and every way in which the bytes of a frame can be special. */
const CONVERSATION = Buffer.concat(
  [
    'SUBSCRIBE\nid:0\ndestination:/queue/fuzz\nack:client-individual\nselector:a > 1\n\n\0\n',
    'SUBSCRIBE\nid:1\ndestination:/topic/fuzz?consumer.prefetchSize=5\nactivemq.priority:3\n\n\0',
    'SEND\ndestination:/queue/fuzz\npersistent:true\npriority:7\nexpires:0\na:2\n\nplain\0\n\n',
    'SEND\ndestination:/queue/fuzz\ncontent-length:5\nreceipt:r\\c1\n\n\0\n\0:\\\0',
    'SEND\ndestination:/temp-queue/mine\nreply-to:/temp-queue/mine\nname\\cd:a\\nb\\\\\n\n\0',
    'SEND\ndestination:/queue/fuzz\nJMSXGroupID:g\nJMSXGroupSeq:1\namq-msg-type:text\n\nä€\0',
    'SEND\ndestination:/queue/later\nAMQ_SCHEDULED_DELAY:100000\ncorrelation-id:ü\ntype:t\n\nx\0',
    'BEGIN\ntransaction:t\n\n\0SEND\ndestination:/topic/fuzz\ntransaction:t\n\nin it\0',
    'ACK\nid:1-1\ntransaction:t\nmessage-id:ID\\c1\nsubscription:0\n\n\0',
    'COMMIT\ntransaction:t\nreceipt:c\n\n\0BEGIN\ntransaction:u\n\n\0ABORT\ntransaction:u\n\n\0',
    'UNSUBSCRIBE\nid:1\ndestination:/topic/fuzz\n\n\0DISCONNECT\nreceipt:bye\n\n\0',
  ].map((text) => Buffer.from(text)),
);

const LIMITS = {
  maxFrameSize: 400,
  maxDataLength: 100,
  headerCountMax: 8,
  headerLineBytesMax: 80,
  headerBytesMax: 250,
};

describe('a conversation', () => {
  test.each(VERSIONS)('is the same whichever byte it is split at (%s)', (version) => {
    const whole = parse([CONVERSATION], version);
    for (let place = 0; place <= CONVERSATION.length; place += 1) {
      sameOutcome(parse(cut(CONVERSATION, [place]), version), whole);
    }
    sameOutcome(parse(cut(CONVERSATION, [...CONVERSATION.keys()]), version), whole);
  });

  test('is understood to its end', () => {
    const { frames, failure } = parse([CONVERSATION], '1.2');
    expect([frames.length, failure]).toEqual([15, undefined]);
  });
});

describe('a conversation that was changed', () => {
  const changed = mutations.map((changes) => mutated(CONVERSATION, changes));
  const places = fc.array(fc.nat(5000), { maxLength: 8 });

  test.each(VERSIONS)('is read or refused, whatever was changed (%s)', (version) => {
    fc.assert(
      fc.property(changed, places, (bytes, cuts) => {
        const whole = parse([bytes], version);
        expect([undefined, 'BATON_PROTOCOL', 'BATON_FRAME_TOO_LARGE']).toContain(whole.failure);
        sameOutcome(parse(cut(bytes, cuts), version), whole);
      }),
      { numRuns: 2000 },
    );
  });

  test('takes no more memory than limits allow', () => {
    fc.assert(
      fc.property(changed, places, (bytes, cuts) => {
        const { heldBytesMax } = parse(cut(bytes, cuts), '1.2', LIMITS);
        // At most one frame, in memory that doubles as it grows.
        expect(heldBytesMax).toBeLessThanOrEqual(Math.max(1024, 2 * LIMITS.maxFrameSize));
      }),
      { numRuns: 2000 },
    );
  });

  describe('at a broker', () => {
    let broker: LiveBroker;
    beforeAll(async () => {
      broker = await startBroker();
    });
    afterAll(async () => {
      await broker.stop();
    });

    test.each(VERSIONS)('costs nobody but its client anything (%s)', async (version) => {
      const login = Buffer.from(`CONNECT\naccept-version:${version}\nhost:h\n\n\0`);
      await fc.assert(
        fc.asyncProperty(changed, places, async (bytes, cuts) => {
          const connection = new ScriptedConnection();
          broker.protocol.accept(connection);
          for (const chunk of cut(Buffer.concat([login, bytes]), cuts)) {
            connection.arrives(chunk);
          }
          await connection.turns(3);
          connection.isCutOff();
          const faults = broker.logged.filter(
            ({ fields }) => fields['reason'] === 'A command could not be handled',
          );
          expect(faults).toEqual([]);
          expect(broker.protocol.connectionCount).toBe(0);
        }),
        { numRuns: 400 },
      );
      const client = await broker.connect();
      await client.sendSettled('SEND', { destination: '/queue/after', persistent: 'true' }, 'x');
      await client.sendSettled('DISCONNECT');
    });
  });
});
